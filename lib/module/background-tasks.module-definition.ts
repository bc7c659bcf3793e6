import { ConfigurableModuleBuilder, type Provider, Scope } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import type { BackgroundTasksModuleOptions } from '../options/background-tasks.options.ts';
import { BackgroundTasksExtras, checkScope, TASKS_SCOPE } from '../options/scope.ts';
import { BackgroundTasksFactory } from '../request/background-tasks.factory.ts';
import { BackgroundTasks } from '../request/background-tasks.ts';

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<BackgroundTasksModuleOptions>({ moduleName: 'BackgroundTasks' })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createBackgroundTasksOptions')
    .setExtras(new BackgroundTasksExtras(), (definition, { scope }) => ({
      ...definition,
      global: true,
      providers: [...(definition.providers ?? []), ...scopedProviders(checkScope(scope))],
    }))
    .build();

/** The providers that differ between the two scopes. */
export function scopedProviders(scope: Scope): Provider[] {
  return [
    { provide: TASKS_SCOPE, useValue: scope },
    scope === Scope.DEFAULT
      ? {
          provide: BackgroundTasks,
          inject: [BackgroundTasksFactory],
          useFactory: (factory: BackgroundTasksFactory) => factory.forAllRequests(),
        }
      : {
          provide: BackgroundTasks,
          scope,
          inject: [REQUEST, BackgroundTasksFactory],
          useFactory: (request: unknown, factory: BackgroundTasksFactory) => factory.forRequest(request),
        },
  ];
}
