import { ConfigurableModuleBuilder, type Provider, Scope } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { type BackgroundTasksModuleOptions, TASKS_SCOPE } from '../options/background-tasks.options.ts';
import { BackgroundTasksExtras, checkScope } from '../options/scope.ts';
import { BackgroundTasks } from '../request/background-tasks.ts';
import { CollectionResolver } from '../request/collection-resolver.ts';

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<BackgroundTasksModuleOptions>({ moduleName: 'BackgroundTasks' })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createBackgroundTasksOptions')
    .setExtras(new BackgroundTasksExtras(), (definition, { scope }) => ({
      ...definition,
      global: true,
      providers: [...(definition.providers ?? []), ...tasksIn(checkScope(scope))],
    }))
    .build();

/** What is different in the two scopes. */
export function tasksIn(scope: Scope): Provider[] {
  return [
    { provide: TASKS_SCOPE, useValue: scope },
    scope === Scope.DEFAULT
      ? {
          provide: BackgroundTasks,
          inject: [CollectionResolver],
          useFactory: (requests: CollectionResolver) => requests.ofCurrent,
        }
      : {
          provide: BackgroundTasks,
          scope,
          inject: [REQUEST, CollectionResolver],
          useFactory: (request: unknown, requests: CollectionResolver) => requests.of(request),
        },
  ];
}
