import { inspect } from 'node:util';
import type { RedisOptions, Telemetry } from 'bullmq';
import type { OnUnavailable } from '../durable/task-queue.ts';
import { InvalidOptionError } from '../errors/task.errors.ts';
import { kindOf, read } from '../util/inspect.ts';
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
import { unreadableUrl } from './bullmq.messages.ts';

/**
 * Describes options of pg: `{ host, database, user, password }`, or `{ connectionString }`.
 *
 * Give at least one of `connectionString`, `database` and `user`. By these, the module knows that the options are pg's and
 * not those of ioredis.
 *
 * @since 0.1.0
 */
export interface PostgresOptions {
  connectionString?: string;
  database?: string;
  user?: string;
  [option: string]: unknown;
}

/**
 * Describes a client of ioredis or a pool of pg.
 *
 * The module copies its options and opens connections of its own: you close yours.
 *
 * @since 0.1.0
 */
export type StoreClient =
  | { duplicate(override?: object): unknown; readonly options: object }
  | { readonly totalCount: number; readonly options: object };

/**
 * Holds how this process claims and runs durable tasks.
 *
 * The options are those of BullMQ's `Worker`, with other defaults.
 *
 * @since 0.1.0
 */
export class BullMqWorkerOptions {
  /** Names the queues to claim tasks from. Default: all queues that tasks of this application name. */
  queues?: readonly string[];

  /** Limits how many tasks of each queue run at the same time in this process. */
  concurrency = 10;

  /**
   * Limits how many tasks of a queue begin: at most `max` in `duration` ms.
   *
   * All processes share the limit. Default: no limit.
   */
  limiter?: { max: number; duration: number };

  /**
   * Sets how long a process holds the lock of a task that it runs, in ms.
   *
   * It renews the lock twice in that time. If it can't, another process runs the task.
   */
  lockDuration = 30_000;

  /** Sets how often workers check for tasks whose lock has expired, in ms. */
  stalledInterval = 5_000;

  /**
   * Limits how often a task may lose its process. One more time, and it fails.
   *
   * A task that loses its process again and again may be what ends the processes.
   */
  maxStalledCount = 10;
}

/** Holds the options of the module, with their defaults. */
export class BullMqTasksOptions {
  /**
   * Names the server of the queues.
   *
   * A URL (`redis://…`, `rediss://…`, `postgres://…`), or the options or a client of ioredis or pg. To try queues
   * without a server: `pglite:` in memory, or `pglite:./folder`.
   */
  connection!: string | RedisOptions | PostgresOptions | StoreClient;

  /** Sets the prefix of all keys in Redis, or the schema in Postgres. */
  prefix = 'tasks';

  /** Sets how this process runs durable tasks; `false` if it only enqueues them. */
  worker: Partial<BullMqWorkerOptions> | false = {};

  /** Limits how long a response waits for its tasks to be enqueued, in ms. Then the client gets a 503. */
  enqueueTimeout = 2_000;

  /**
   * Sets what happens to tasks that can't be enqueued.
   *
   * `throw`: the client gets a 503. `run-here`: this process runs them.
   */
  onUnavailable: OnUnavailable = 'throw';

  /** Limits the size of a task's arguments, and of its result, in bytes of JSON. */
  maxSize = 1_000_000;

  /**
   * Limits how many tasks are enqueued at once: those of a request, or those until `flush`.
   *
   * Each step of a chain or group counts. Beyond it, `addTask` throws TooManyTasksError. More tasks need a longer
   * `enqueueTimeout`.
   */
  maxAtOnce = 1_000;

  /**
   * Limits how many completed tasks each queue keeps for `TaskRegistry`.
   *
   * A queue also keeps its last 10,000 failed tasks.
   */
  keepCompleted = 1_000;

  /**
   * Turns on the telemetry of BullMQ: a `BullMQOtel` of `bullmq-otel`.
   *
   * It then makes the spans of queues, and the instrumentation of `/otel` makes none for them.
   */
  telemetry?: Telemetry;

  /** Hides the password of the connection where the options are inspected. */
  [inspect.custom](): string {
    return BullMqTasksOptions.name;
  }
}

/**
 * Describes the options of `BullMqTasksModule.forRoot`. `connection` is required.
 *
 * @since 0.1.0
 * @interface
 */
export type BullMqTasksModuleOptions = Pick<BullMqTasksOptions, 'connection'> &
  Partial<Omit<BullMqTasksOptions, typeof inspect.custom>>;

const connectionRule: OptionRule = {
  expected:
    "a URL ('redis://…', 'rediss://…', 'postgres://…', 'pglite:' or 'pglite:./folder'), the options of ioredis or pg, or " +
    'a client of ioredis (no Cluster) or a pool of pg',
  accepts: (value) =>
    (typeof value === 'string' && /^((rediss?|postgres(ql)?):\/\/|pglite:(?!\/\/))/.test(value)) ||
    (typeof value === 'object' && value !== null && !read(value, 'isCluster')),
  describe: (value) => {
    const [start] = (typeof value === 'string' && /^[a-z]{1,20}:\/\//i.exec(value)) || [];
    return start === undefined ? kindOf(value) : `a string that begins with '${start}'`;
  },
};

/** A URL whose password has a `/`, `?` or `#` that is not encoded: a driver would take a part of the password for the host. */
const BROKEN_URL = /^\w+:\/\/[^@/?#]*[/?#][^=]*@/;

const limiterRules: OptionRules<{ max: number; duration: number }> = { max: integerFrom(1), duration: timeLimit };

const rules: OptionRules<Omit<BullMqTasksOptions, typeof inspect.custom>> = {
  connection: connectionRule,
  prefix: nonEmptyString,
  worker: either(objectLike('{ concurrency: 10 }'), false),
  enqueueTimeout: timeLimit,
  onUnavailable: oneOf('throw', 'run-here'),
  maxSize: integerFrom(1),
  maxAtOnce: integerFrom(1),
  keepCompleted: integerFrom(1),
  telemetry: objectLike("new BullMQOtel('shop')"),
};

const workerRules: OptionRules<BullMqWorkerOptions> = {
  queues: listOfStrings,
  concurrency: integerFrom(1),
  limiter: objectLike('{ max: 10, duration: 1_000 }'),
  lockDuration: timeLimit,
  stalledInterval: timeLimit,
  maxStalledCount: integerFrom(0),
};

/** @throws InvalidOptionError if an option has an unknown name or a wrong value */
export function resolveBullMqOptions(options: BullMqTasksModuleOptions): BullMqTasksOptions {
  const given = checkOptions('BullMqTasksModule', options, rules, ['connection']);
  const { connection, worker } = given;
  if (typeof connection === 'string' && BROKEN_URL.test(connection)) {
    throw new InvalidOptionError(unreadableUrl('redis://user:password@host:6379/0'));
  }
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
