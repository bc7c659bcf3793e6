import { type DynamicModule, Module, type OnModuleInit, Scope } from '@nestjs/common';
import { APP_INTERCEPTOR, HttpAdapterHost, LazyModuleLoader, ModulesContainer } from '@nestjs/core';
import { AttemptRunner } from '../durable/attempt-runner.ts';
import { QueuePort } from '../durable/queue-port.ts';
import { TaskCatalog } from '../durable/task-catalog.ts';
import { TaskQueueHost } from '../durable/task-queue-host.ts';
import { TaskEngine } from '../engine/task-engine.ts';
import { ProviderResolver } from '../execution/provider-resolver.ts';
import {
  type BackgroundTasksModuleOptions,
  BackgroundTasksOptions,
  resolveOptions,
} from '../options/background-tasks.options.ts';
import { noScopeRule, TASKS_SCOPE } from '../options/scope.ts';
import { BackgroundTasksFactory } from '../request/background-tasks.factory.ts';
import { BackgroundTasksInterceptor } from '../request/background-tasks.interceptor.ts';
import { BackgroundTasks } from '../request/background-tasks.ts';
import { CollectionResolver } from '../request/collection-resolver.ts';
import { InFlightRequests } from '../request/http/in-flight-requests.ts';
import { PlatformHook } from '../request/http/platform-hook.ts';
import { RequestContext } from '../request/request-context.ts';
import { createPlatformHook } from '../request/request-entry.ts';
import { EndsUnderway } from '../services/ends-underway.ts';
import { TaskMonitor } from '../services/task-monitor.service.ts';
import { TaskRegistry } from '../services/task-registry.service.ts';
import { TaskRunner } from '../services/task-runner.service.ts';
import { TaskShutdown } from '../services/task-shutdown.service.ts';
import { noteCopy } from '../util/copies.ts';
import {
  type ASYNC_OPTIONS_TYPE,
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN,
  type OPTIONS_TYPE,
  scopedProviders,
} from './background-tasks.module-definition.ts';
import { exposeHandles } from './class-transformer.ts';
import { closeBeforeOthers } from './close-order.ts';
import { assertImportedOnce, assertNotInThread, assertOneCopy } from './import-checks.ts';
import { checkLazyModules } from './lazy-modules.ts';
import { needsInterceptor } from './needs-interceptor.ts';
import { ShutdownHooksWarning } from './shutdown-hooks.ts';

noteCopy();

/**
 * Gives the whole application background tasks. Import it once, in the root module: it is global.
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
        // Again, because the application may load a copy after `forRoot`.
        assertOneCopy();
        assertImportedOnce(BackgroundTasksModule, options, modules);
        return resolveOptions(options!, noScopeRule);
      },
    },
    // `forRoot` replaces these. Without them, an import without `forRoot` would fail at a missing provider, before the
    // factory above throws the error that explains it.
    ...scopedProviders(Scope.REQUEST),
    InFlightRequests,
    TaskQueueHost,
    TaskCatalog,
    QueuePort,
    ProviderResolver,
    TaskEngine,
    { provide: AttemptRunner, useExisting: TaskEngine },
    TaskRunner,
    TaskRegistry,
    EndsUnderway,
    TaskMonitor,
    CollectionResolver,
    RequestContext,
    {
      provide: PlatformHook,
      inject: [HttpAdapterHost, TASKS_SCOPE, CollectionResolver, RequestContext],
      useFactory: createPlatformHook,
    },
    BackgroundTasksFactory,
    BackgroundTasksInterceptor,
    TaskShutdown,
    ShutdownHooksWarning,
    {
      provide: APP_INTERCEPTOR,
      inject: [BackgroundTasksInterceptor, TASKS_SCOPE, ModulesContainer],
      // A global interceptor slows down each request. With a singleton, HTTP requests don't need it. Nest ignores null.
      useFactory: (interceptor: BackgroundTasksInterceptor, scope: Scope, modules: ModulesContainer) =>
        scope === Scope.REQUEST || needsInterceptor(modules) ? interceptor : null,
    },
  ],
  exports: [
    BackgroundTasks,
    TaskRunner,
    TaskRegistry,
    // What `BackgroundTasksInterceptor` injects: with `@UseInterceptors`, Nest makes it in the module of the gateway.
    CollectionResolver,
    RequestContext,
    InFlightRequests,
    TaskQueueHost,
    // For `@Tasks()`: Nest makes its pipe in the module of the controller.
    BackgroundTasksFactory,
    // For queue adapters.
    AttemptRunner,
    TaskCatalog,
    QueuePort,
    // For the dashboard.
    TaskMonitor,
  ],
})
export class BackgroundTasksModule extends ConfigurableModuleClass implements OnModuleInit {
  constructor(modules: ModulesContainer, loader: LazyModuleLoader, catalog: TaskCatalog) {
    super();
    closeBeforeOthers(new.target, modules);
    checkLazyModules(loader, () => catalog.assertQueueImported());
  }

  // Not marked as internal: the declared class implements the interface.
  onModuleInit(): Promise<void> {
    return exposeHandles();
  }

  /**
   * Returns the module with these options. Every option has a default.
   *
   * @throws InvalidOptionError if an option is unknown or has a wrong value
   * @throws ModuleImportError if it is called in a worker thread or a file of a task for threads, or several copies are loaded
   *
   * @example
   * BackgroundTasksModule.forRoot({ concurrency: 50, shutdownTimeout: 30_000 })
   */
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    assertNotInThread();
    assertOneCopy();
    // Checked here too, so that the stack of an error names this call.
    return super.forRoot(Object.assign(resolveOptions(options), { scope: options.scope }));
  }

  /**
   * Returns the module with options that the application makes when it starts.
   *
   * A factory, a class or a provider makes them. The class or provider has a method `createBackgroundTasksOptions`.
   * Give `scope` beside `useFactory`: Nest must know it before it calls the factory. A wrong option stops the start
   * with an `InvalidOptionError`.
   *
   * @throws InvalidOptionError if `scope` has a wrong value
   * @throws ModuleImportError if it is called in a worker thread or a file of a task for threads, or several copies are loaded
   *
   * @example
   * BackgroundTasksModule.forRootAsync({
   *   inject: [ConfigService],
   *   useFactory: (config: ConfigService) => ({ maxPending: config.getOrThrow('MAX_PENDING') }),
   * })
   */
  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    assertNotInThread();
    assertOneCopy();
    return super.forRootAsync(options);
  }
}
