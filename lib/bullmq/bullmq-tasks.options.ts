import type { RedisOptions } from 'bullmq';
import type { OnUnavailable } from '../durable/task-queue.ts';
import { read } from '../util/inspect.ts';
import {
  checkOptions,
  either,
  integerFrom,
  listOfStrings,
  nonEmptyString,
  objectLike,
  oneOf,
  type OptionRule,
  type OptionRules,
  timeLimit,
} from '../validation/option-rules.ts';

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

/**
 * How a process takes tasks from queues and runs them. What isn't said of it here is BullMQ's.
 *
 * @since 0.2.0
 */
export class BullMqWorkerOptions {
  /** Which queues it takes tasks from. Default: all that tasks of this application name. */
  queues?: readonly string[];

  /** How many tasks of each queue it runs at the same time. */
  concurrency = 10;

  /** How many tasks of a queue may begin in a time, in all processes together: `{ max, duration }`, in ms. Default: any. */
  limiter?: { max: number; duration: number };

  /** For how long, in ms, a task counts as running when nothing is heard of its process: that renews it twice in that time. */
  lockDuration = 30_000;

  /** How often, in ms, it looks for tasks whose process is gone. */
  stalledInterval = 5_000;

  /** How often a task may lose its process until it counts as what ends them, and fails. */
  maxStalledCount = 10;
}

/** Every option of the module, with its default. */
export class BullMqTasksOptions {
  /**
   * Where the store is: `redis://…`, `rediss://…`, `postgres://…`; or the options, or a client, of ioredis or pg. To try it
   * out without a server: `pglite:`, in memory, or `pglite:./folder`.
   */
  connection!: string | RedisOptions | PostgresOptions | StoreClient;

  /** Of all keys in Redis; the schema in Postgres. */
  prefix = 'tasks';

  /** Whether this process runs stored tasks too: how, or `false`. */
  worker: Partial<BullMqWorkerOptions> | false = {};

  /** How long, in ms, a response waits until its tasks are stored. Then it is a 503. */
  enqueueTimeout = 2_000;

  /** What becomes of tasks that can't be stored: `throw`, a 503 for the client; `run-here`, in this process. */
  onUnavailable: OnUnavailable = 'throw';

  /** How large, in bytes of JSON, the arguments of a task may be, and its result. */
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

const connectionRule: OptionRule = {
  expected:
    "a URL ('redis://…', 'rediss://…', 'postgres://…', 'pglite:' or 'pglite:./folder'), the options of ioredis or pg, or " +
    'a client of ioredis (no Cluster) or a pool of pg',
  accepts: (value) =>
    (typeof value === 'string' && /^((rediss?|postgres(ql)?):\/\/|pglite:(?!\/\/))/.test(value)) ||
    (typeof value === 'object' && value !== null && !read(value, 'isCluster')),
};

const limiterRules: OptionRules<{ max: number; duration: number }> = { max: integerFrom(1), duration: timeLimit };

const rules: OptionRules<BullMqTasksOptions> = {
  connection: connectionRule,
  prefix: nonEmptyString,
  worker: either(objectLike('{ concurrency: 10 }'), false),
  enqueueTimeout: timeLimit,
  onUnavailable: oneOf('throw', 'run-here'),
  maxSize: integerFrom(1),
  keepCompleted: integerFrom(1),
};

const workerRules: OptionRules<BullMqWorkerOptions> = {
  queues: listOfStrings,
  concurrency: integerFrom(1),
  limiter: objectLike('{ max: 10, duration: 1_000 }'),
  lockDuration: timeLimit,
  stalledInterval: timeLimit,
  maxStalledCount: integerFrom(0),
};

/** @throws InvalidOptionError */
export function resolveBullMqOptions(options: BullMqTasksModuleOptions): BullMqTasksOptions {
  const given = checkOptions('BullMqTasksModule', options, rules, ['connection']);
  const { worker } = given;
  if (worker) {
    const { limiter } = (given.worker = checkOptions('BullMqTasksModule: worker', worker, workerRules));
    if (limiter) {
      checkOptions('BullMqTasksModule: worker: limiter', limiter, limiterRules, ['max', 'duration']);
    }
  }
  return Object.assign(new BullMqTasksOptions(), given);
}

export type StoreKind = 'redis' | 'postgres' | 'pglite';

export function storeKindOf({ connection }: BullMqTasksOptions): StoreKind {
  if (typeof connection === 'string') {
    return (['postgres', 'pglite'] as const).find((kind) => connection.startsWith(kind)) ?? 'redis';
  }
  const isPostgres = ['connectionString', 'database', 'user', 'totalCount'].some((name) => name in connection);
  return isPostgres ? 'postgres' : 'redis';
}
