export { BullMqQueues } from './queues/bullmq-queues.ts';
export { BullMqTasksModule } from './bullmq-tasks.module.ts';
export type {
  BullMqTasksModuleOptions,
  BullMqWorkerOptions,
  PostgresOptions,
  StoreClient,
} from './bullmq-tasks.options.ts';
export { drizzle, knex, kysely, pgClient, prisma, typeOrm } from './transactions/transactions-of-libraries.ts';
