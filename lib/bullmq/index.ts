export { BullMqTasksModule } from './bullmq-tasks.module.ts';
export type { BullMqTasksModuleOptions, BullMqWorkerOptions } from './bullmq-tasks.options.ts';
