import { type DynamicModule, Module, type ModuleMetadata, type Provider, type Type } from '@nestjs/common';
import { ModuleImportError } from '../errors/module.errors.ts';
import { TaskMonitor } from '../services/task-monitor.service.ts';
import { noteCopy } from '../util/copies.ts';
import { DashboardApi } from './dashboard-api.service.ts';
import { dashboardController } from './dashboard.controller.ts';
import { coreNotImported, notImportedByForRoot } from './dashboard.messages.ts';
import {
  type DashboardOptions,
  type DashboardRouting,
  DashboardSettings,
  resolveDashboardOptions,
  resolveRouting,
  resolveSettings,
} from './dashboard.options.ts';
import { Overviews } from './figures/overviews.ts';
import { ProcessGauges } from './figures/process-gauges.ts';
import { QueueFigures } from './figures/queue-figures.ts';
import { Throughput } from './figures/throughput.ts';
import { GUARDED_MAY_ACT, MayAct } from './http/may-act.ts';
import { PAGE_FOLDER, PageFiles } from './http/page-files.ts';
import { LiveHub } from './live/live-hub.ts';
import { MONITOR } from './monitor.ts';
import { pageFolder } from './page-folder.cjs';
import { AttemptHistory } from './tasks/attempt-history.ts';
import { KeptArguments } from './tasks/kept-arguments.ts';
import { Redaction } from './tasks/redaction.ts';
import { TaskLists } from './tasks/task-lists.ts';

noteCopy();

/**
 * Describes what `forRoot` takes.
 *
 * @since 0.1.0
 * @interface
 */
export type DashboardModuleOptions = DashboardOptions & {
  /** The modules that provide what the guards inject. */
  imports?: ModuleMetadata['imports'];
};

/**
 * Describes what a factory, or the method of a class, returns.
 *
 * @since 0.1.0
 * @interface
 */
export type DashboardModuleSettings = Partial<DashboardSettings>;

/**
 * Describes a class that makes the settings, for `useClass` and `useExisting`.
 *
 * @since 0.1.0
 */
export interface DashboardOptionsFactory {
  createDashboardOptions(): DashboardModuleSettings | Promise<DashboardModuleSettings>;
}

/**
 * Describes what `forRootAsync` takes.
 *
 * Nest must know `path` and `guards` before it calls the factory.
 *
 * @since 0.1.0
 * @interface
 */
export type DashboardModuleAsyncOptions = Partial<DashboardRouting> &
  Pick<DashboardRouting, 'guards'> & {
    /** The modules that provide what the guards and the factory inject. */
    imports?: ModuleMetadata['imports'];
    // oxlint-disable-next-line typescript/no-explicit-any -- the parameters are what `inject` names
    useFactory?: (...args: any[]) => DashboardModuleSettings | Promise<DashboardModuleSettings>;
    inject?: Extract<Provider, { inject?: unknown }>['inject'];
    useClass?: Type<DashboardOptionsFactory>;
    useExisting?: Type<DashboardOptionsFactory>;
  };

/**
 * Serves a page that shows what runs, waits and fails, on Express and Fastify.
 *
 * Import it beside `BackgroundTasksModule`.
 *
 * @example
 * BackgroundTasksDashboardModule.forRoot({ guards: [AdminGuard], imports: [AuthModule] })
 *
 * @since 0.1.0
 */
@Module({
  providers: [
    {
      provide: DashboardSettings,
      useFactory: () => {
        throw new ModuleImportError(notImportedByForRoot());
      },
    },
  ],
})
export class BackgroundTasksDashboardModule {
  /**
   * Returns the module with these options. `guards` is required; `'open'` means no guards.
   *
   * @throws InvalidOptionError if an option is unknown, is missing or has a wrong value
   *
   * @example
   * BackgroundTasksDashboardModule.forRoot({
   *   path: '/admin/tasks',
   *   guards: [AdminGuard],
   *   canAct: (request: Request) => request.user.role === 'operator',
   * })
   */
  static forRoot({ imports = [], ...options }: DashboardModuleOptions): DynamicModule {
    const all = resolveDashboardOptions(options);
    return dashboard(all, imports, [{ provide: DashboardSettings, useValue: all }]);
  }

  /**
   * Returns the module with options that the application makes when it starts.
   *
   * A factory, a class or a provider makes them.
   *
   * @throws InvalidOptionError if `path` or `guards` is wrong; another wrong option stops the start with this error
   *
   * @example
   * BackgroundTasksDashboardModule.forRootAsync({
   *   guards: [AdminGuard],
   *   inject: [ConfigService],
   *   useFactory: (config: ConfigService) => ({ title: config.get('STAGE') }),
   * })
   */
  static forRootAsync(options: DashboardModuleAsyncOptions): DynamicModule {
    const { imports = [], useFactory, inject = [], useClass, useExisting, ...routing } = options;
    const factory = useClass ?? useExisting;
    const settings: Provider = factory
      ? {
          provide: DashboardSettings,
          inject: [factory],
          useFactory: async (it: DashboardOptionsFactory) => resolved(await it.createDashboardOptions()),
        }
      : {
          provide: DashboardSettings,
          inject,
          useFactory: async (...args: unknown[]) => resolved(await useFactory?.(...args)),
        };
    return dashboard(resolveRouting(routing), imports, [settings, ...(useClass ? [useClass] : [])]);
  }
}

/** @throws ModuleImportError if there are no settings */
function resolved(settings: DashboardModuleSettings | undefined): DashboardSettings {
  if (settings === undefined) {
    throw new ModuleImportError(notImportedByForRoot());
  }
  return resolveSettings(settings);
}

function dashboard(
  routing: DashboardRouting,
  imports: NonNullable<ModuleMetadata['imports']>,
  providers: Provider[],
): DynamicModule {
  return {
    module: BackgroundTasksDashboardModule,
    imports,
    controllers: [dashboardController(routing)],
    providers: [
      ...providers,
      {
        provide: MONITOR,
        inject: [{ token: TaskMonitor, optional: true }],
        useFactory: (monitor?: TaskMonitor) => {
          if (!monitor) {
            throw new ModuleImportError(coreNotImported());
          }
          return monitor;
        },
      },
      { provide: GUARDED_MAY_ACT, useValue: routing.guards !== 'open' },
      { provide: PAGE_FOLDER, useValue: pageFolder },
      Redaction,
      KeptArguments,
      AttemptHistory,
      QueueFigures,
      Throughput,
      ProcessGauges,
      Overviews,
      TaskLists,
      LiveHub,
      MayAct,
      PageFiles,
      DashboardApi,
    ],
  };
}
