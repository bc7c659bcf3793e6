import type { RedisOptions, WorkerOptions } from 'bullmq';
import { read } from '../errors/describe.ts';
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

/**
 * What pg is told: `{ host, database, user, password }`, or `{ connectionString }`. One of `connectionString`, `database`
 * and `user` tells it from the options of ioredis.
 *
 * @since 0.2.0
 */
export interface PostgresOptions {
  connectionString?: string;
  database?: string;
  user?: string;
  [option: string]: unknown;
}

/**
 * A client of ioredis or a pool of pg, of which copies are made: it stays yours to use, and to close.
 *
 * @since 0.2.0
 */
export type StoreClient =
  | { duplicate(override?: object): unknown; readonly options: object }
  | { readonly totalCount: number; readonly options: object };

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
  /** Where the store is: `redis://…`, `rediss://…`, `postgres://…`; or the options, or a client, of ioredis or pg. */
  connection!: string | RedisOptions | PostgresOptions | StoreClient;

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
  expected:
    "a URL ('redis://…', 'rediss://…' or 'postgres://…'), the options of ioredis or pg, or a client of ioredis (no " +
    'Cluster) or a pool of pg',
  accepts: (value) =>
    (typeof value === 'string' && /^(rediss?|postgres(ql)?):\/\//.test(value)) ||
    (typeof value === 'object' && value !== null && !read(value, 'isCluster')),
};

/** @throws InvalidOptionError */
export function resolveBullMqOptions(options: BullMqTasksModuleOptions): BullMqTasksOptions {
  const given = checkOptions('BullMqTasksModule', options, { ...rules, connection: connectionRule }, ['connection']);
  return Object.assign(new BullMqTasksOptions(), given);
}

export function isPostgres({ connection }: BullMqTasksOptions): boolean {
  return typeof connection === 'string'
    ? connection.startsWith('postgres')
    : ['connectionString', 'database', 'user', 'totalCount'].some((name) => name in connection);
}
