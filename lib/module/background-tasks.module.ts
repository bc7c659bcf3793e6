import { type DynamicModule, Module, Scope } from '@nestjs/common';
import { APP_INTERCEPTOR, ModulesContainer } from '@nestjs/core';
import { AttemptRunner } from '../durable/attempt-runner.ts';
import { TaskCatalog } from '../durable/task-catalog.ts';
import { TaskQueueHost } from '../durable/task-queue-host.ts';
import { TaskEngine } from '../engine/task-engine.ts';
import { ProviderResolver } from '../execution/provider-resolver.ts';
import {
  type BackgroundTasksModuleOptions,
  BackgroundTasksOptions,
  resolveOptions,
  TASKS_SCOPE,
} from '../options/background-tasks.options.ts';
import { noScopeRule } from '../options/scope.ts';
import { BackgroundTasksInterceptor } from '../request/background-tasks.interceptor.ts';
import { BackgroundTasks } from '../request/background-tasks.ts';
import { CollectionResolver } from '../request/collection-resolver.ts';
import { InFlightRequests } from '../request/http/in-flight-requests.ts';
import { TaskRegistry } from '../services/task-registry.service.ts';
import { TaskRunner } from '../services/task-runner.service.ts';
import { TaskShutdown } from '../services/task-shutdown.service.ts';
import {
  type ASYNC_OPTIONS_TYPE,
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN,
  type OPTIONS_TYPE,
  tasksIn,
} from './background-tasks.module-definition.ts';
import { assertImportedOnce, assertNotInThread, closeBeforeOthers } from './import-checks.ts';
import { needsInterceptor } from './needs-interceptor.ts';

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
    TaskQueueHost,
    TaskCatalog,
    ProviderResolver,
    TaskEngine,
    { provide: AttemptRunner, useExisting: TaskEngine },
    TaskRunner,
    TaskRegistry,
    CollectionResolver,
    BackgroundTasksInterceptor,
    TaskShutdown,
    {
      provide: APP_INTERCEPTOR,
      inject: [BackgroundTasksInterceptor, TASKS_SCOPE, ModulesContainer],
      // A global interceptor costs each request, and HTTP requests of a singleton do without. Nest passes over null.
      useFactory: (interceptor: BackgroundTasksInterceptor, scope: Scope, modules: ModulesContainer) =>
        scope === Scope.REQUEST || needsInterceptor(modules) ? interceptor : null,
    },
  ],
  // The last ones for who names BackgroundTasksInterceptor in `@UseInterceptors()`: gateways on Nest 11 have no global ones.
  exports: [
    BackgroundTasks,
    TaskRunner,
    TaskRegistry,
    CollectionResolver,
    InFlightRequests,
    TaskEngine,
    AttemptRunner,
    TaskQueueHost,
    TaskCatalog,
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
