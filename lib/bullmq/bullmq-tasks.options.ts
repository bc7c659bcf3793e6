import type { RedisOptions, WorkerOptions } from 'bullmq';
import type { OnUnavailable } from '../queue/task-queue.ts';
import {
  checkOptions,
  either,
  integerFrom,
  nonEmptyString,
  objectLike,
  oneOf,
  timeLimit,
  type OptionRule,
  type OptionRules,
} from '../task/option-rules.ts';

/** How jobs are taken and run, as for BullMQ's `Worker`, with the defaults that differ from its own. */
export type BullMqWorkerOptions = Pick<
  WorkerOptions,
  'concurrency' | 'limiter' | 'lockDuration' | 'stalledInterval' | 'maxStalledCount' | 'runRetryDelay'
>;

export const workerDefaults = {
  concurrency: 10,
  lockDuration: 30_000,
  stalledInterval: 5_000,
  // A process that is killed is no fault of the task that it ran.
  maxStalledCount: 100,
  runRetryDelay: 500,
} satisfies BullMqWorkerOptions;

/** Every option of the module, with its default. */
export class BullMqTasksOptions {
  /** Where the store is: `redis://…`, `rediss://…`, `postgres://…`; or options of ioredis or pg. */
  connection!: string | RedisOptions | { connectionString: string; schema?: string };

  /** Of all keys in Redis; the schema in Postgres. */
  prefix = 'tasks';

  /** Whether this process runs stored tasks too: how, or `false`. */
  worker: BullMqWorkerOptions | false = {};

  /** How long, in ms, a response waits until its tasks are stored. Then it is a 503. */
  enqueueTimeout = 2_000;

  /** What becomes of tasks that can't be stored: `throw`, a 503 for the client; `run-here`, in this process. */
  onUnavailable: OnUnavailable = 'throw';

  /** How large, in bytes of JSON, the arguments of a task may be. */
  maxSize = 1_000_000;

  /** How many completed tasks are kept in each queue, to be asked for. Those that have failed are kept, 10_000 of them. */
  keepCompleted = 1_000;
}

/**
 * What `forRoot` takes: `connection`, and any of the others.
 *
 * @since 0.2.0
 */
export type BullMqTasksModuleOptions = Pick<BullMqTasksOptions, 'connection'> & Partial<BullMqTasksOptions>;

const rules: OptionRules<BullMqTasksOptions> = {
  connection: nonEmptyString,
  prefix: nonEmptyString,
  worker: either(objectLike('{ concurrency: 10 }'), false),
  enqueueTimeout: timeLimit,
  onUnavailable: oneOf('throw', 'run-here'),
  maxSize: integerFrom(1),
  keepCompleted: integerFrom(0),
};

const connectionRule: OptionRule = {
  expected: "a URL ('redis://…', 'rediss://…' or 'postgres://…'), or the options of ioredis or pg",
  accepts: (value) =>
    (typeof value === 'string' && /^(rediss?|postgres(ql)?):\/\//.test(value)) ||
    (typeof value === 'object' && value !== null),
};

/** @throws InvalidOptionError */
export function resolveBullMqOptions(options: BullMqTasksModuleOptions): BullMqTasksOptions {
  const given = checkOptions('BullMqTasksModule', options, { ...rules, connection: connectionRule }, ['connection']);
  return Object.assign(new BullMqTasksOptions(), given);
}

export function isPostgres({ connection }: BullMqTasksOptions): boolean {
  return typeof connection === 'string' ? connection.startsWith('postgres') : 'connectionString' in connection;
}
