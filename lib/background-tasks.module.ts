import { Module, Scope, type DynamicModule } from '@nestjs/common';
import { APP_INTERCEPTOR, ModulesContainer } from '@nestjs/core';
import {
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN,
  tasksIn,
  type ASYNC_OPTIONS_TYPE,
  type OPTIONS_TYPE,
} from './background-tasks.module-definition.ts';
import {
  BackgroundTasksOptions,
  noScopeRule,
  resolveOptions,
  TASKS_SCOPE,
  type BackgroundTasksModuleOptions,
} from './background-tasks.options.ts';
import { TaskProviders } from './executors/task-providers.ts';
import { handlesMore } from './handlers.ts';
import { assertImportedOnce, assertNotInThread, closeBeforeOthers } from './module-import.ts';
import { TaskRegistry } from './registry/task-registry.service.ts';
import { BackgroundTasksInterceptor } from './request/background-tasks.interceptor.ts';
import { BackgroundTasks } from './request/background-tasks.ts';
import { StoredDefinitions } from './queue/stored-definitions.ts';
import { TaskQueues } from './queue/task-queues.ts';
import { InFlightRequests } from './request/in-flight-requests.ts';
import { RequestTasks } from './request/request-tasks.ts';
import { TaskLists } from './runner/task-lists.ts';
import { TaskRunner } from './runner/task-runner.service.ts';
import { TaskShutdown } from './shutdown/task-shutdown.service.ts';

/**
 * Background tasks for the whole application. Import it once, in the root module; it is global.
 *
 * @example
 * @Module({ imports: [BackgroundTasksModule.forRoot()] })
 * export class AppModule {}
 *
 * @since 0.1.0
 */
@Module({
  providers: [
    {
      provide: BackgroundTasksOptions,
      inject: [{ token: MODULE_OPTIONS_TOKEN, optional: true }, ModulesContainer],
      useFactory: (options: BackgroundTasksModuleOptions | undefined, modules: ModulesContainer) => {
        assertImportedOnce(BackgroundTasksModule, options, modules);
        return resolveOptions(options!, noScopeRule);
      },
    },
    // Which an import with options overrides: without, it is the error above that has to be told.
    ...tasksIn(Scope.REQUEST),
    InFlightRequests,
    TaskQueues,
    StoredDefinitions,
    TaskProviders,
    TaskLists,
    TaskRunner,
    TaskRegistry,
    RequestTasks,
    BackgroundTasksInterceptor,
    TaskShutdown,
    {
      provide: APP_INTERCEPTOR,
      inject: [BackgroundTasksInterceptor, TASKS_SCOPE, ModulesContainer],
      // A global interceptor costs each request, and HTTP requests of a singleton do without. Nest passes over null.
      useFactory: (interceptor: BackgroundTasksInterceptor, scope: Scope, modules: ModulesContainer) =>
        scope === Scope.REQUEST || handlesMore(modules) ? interceptor : null,
    },
  ],
  // The last ones for who names BackgroundTasksInterceptor in `@UseInterceptors()`: gateways on Nest 11 have no global ones.
  exports: [
    BackgroundTasks,
    TaskRunner,
    TaskRegistry,
    RequestTasks,
    InFlightRequests,
    TaskLists,
    TaskQueues,
    StoredDefinitions,
  ],
})
export class BackgroundTasksModule extends ConfigurableModuleClass {
  constructor(modules: ModulesContainer) {
    super();
    closeBeforeOthers(new.target, modules);
  }

  /**
   * @throws InvalidOptionError which names the option, what came and what was expected
   */
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    assertNotInThread();
    return super.forRoot(Object.assign(resolveOptions(options), { scope: options.scope }));
  }

  /**
   * The options from a factory, a class or a provider: `{ imports, inject, useFactory | useClass | useExisting }`. A class
   * or provider has a method `createBackgroundTasksOptions`.
   */
  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    assertNotInThread();
    return super.forRootAsync(options);
  }
}
