export {
  BackgroundTasksDashboardModule,
  type DashboardModuleAsyncOptions,
  type DashboardModuleOptions,
  type DashboardModuleSettings,
  type DashboardOptionsFactory,
} from './dashboard.module.ts';
export type { DashboardGuards, RedactArguments, RedactOptions } from './dashboard.options.ts';
