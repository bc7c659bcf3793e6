import { isDeepStrictEqual } from 'node:util';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { JobSchedulerJson, Queue } from 'bullmq';
import { type CatalogEntry, TaskCatalog } from '../../durable/task-catalog.ts';
import type { TaskSchedule } from '../../durable/task-queue.ts';
import { TaskQueueHost } from '../../durable/task-queue-host.ts';
import { InvalidOptionError } from '../../errors/task.errors.ts';
import type { Repeat } from '../../task/definition/repeat.ts';
import { BullMqTasksOptions } from '../bullmq-tasks.options.ts';
import { repeatNotWith, wrongPattern } from '../bullmq.messages.ts';
import { timeOf } from '../jobs/job-record.ts';
import { dataOf, jobOptions } from '../jobs/task-job.ts';
import { BullMqConnection } from '../store/bullmq-connection.ts';
import { BullMqQueues } from './bullmq-queues.ts';
import { RunIds } from './run-ids.ts';
import { firstField, lastField, RolloutTimes, versionOf, versionsOf } from './schedule-versions.ts';

/**
 * Keeps BullMQ's schedules in step with the option `repeat` of this application's tasks.
 *
 * During a rollout, workers of old and new code do so at the same time. Each worker says at intervals which schedules its code
 * has. It changes a schedule only if no running worker has a newer version of it, and removes one only if no worker has had it
 * for a long time. It doesn't touch what other programs have scheduled.
 */
@Injectable()
export class BullMqSchedules {
  readonly #logger = new Logger('BackgroundTasks');
  /** The tasks whose schedule is wrong: the log names each once. */
  readonly #reported = new Set<string>();

  constructor(
    @Inject(BullMqTasksOptions) private readonly options: BullMqTasksOptions,
    private readonly connection: BullMqConnection,
    private readonly catalog: TaskCatalog,
    private readonly queues: BullMqQueues,
    private readonly ids: RunIds,
    private readonly times: RolloutTimes,
    private readonly host: TaskQueueHost,
  ) {}

  /**
   * @throws InvalidOptionError if a pattern can't be read, or an option makes no sense for a task that repeats
   * @throws TaskArgumentError if a name can't be kept
   */
  check(): void {
    for (const [name, entry] of this.catalog.repeating) {
      this.#check(name, entry);
    }
  }

  /** Adds and updates the schedules of a queue, and removes those that no worker has any more. */
  async update(queueName: string): Promise<void> {
    await this.ids.load(queueName, 0);
    const queue = this.queues.get(queueName);
    const own = new Map(
      this.catalog.repeating
        .filter(([name, entry]) => entry.definition.queue === queueName && this.#isRight(name, entry))
        .map(([name, entry]) => [name, this.#scheduleOf(name, entry)]),
    );
    const now = Date.now();
    for (const [name, { version }] of own) {
      await this.connection.statements.setMetaOnce(queue, firstField(name, version), `${now}`);
      await metaOf(queue).setQueueMeta({ [lastField(name, version)]: `${now}` });
    }
    const meta = await metaOf(queue).getQueueMeta();
    const present = new Map((await queue.getJobSchedulers()).map((it) => [it.key, it]));
    for (const [name, { version, repeat, template }] of own) {
      const running = versionsOf(name, meta).filter(({ last }) => last >= now - this.times.aliveFor);
      const newest = running.toSorted((a, b) => b.first - a.first || b.version.localeCompare(a.version))[0];
      // An update restarts the interval, so an equal schedule stays as it is.
      if (newest?.version === version && !isEqual(present.get(name), repeat, template)) {
        await queue.upsertJobScheduler(name, { ...repeat, ...startOf(repeat) }, template);
      }
    }
    for (const key of present.keys()) {
      const versions = own.has(key) ? [] : versionsOf(key, meta);
      // A task that has another queue now repeats there already.
      const keptFor = this.catalog.find(key)?.definition.repeat ? this.times.aliveFor : this.times.removeAfter;
      if (versions.length > 0 && versions.every(({ last }) => last < now - keptFor)) {
        await queue.removeJobScheduler(key);
        const fields = versions.flatMap(({ version }) => [firstField(key, version), lastField(key, version)]);
        await metaOf(queue).removeQueueMetaFields(fields);
      }
    }
  }

  /** Modules that Nest loads after the start, and definitions of functions, come too late to keep the application from starting. */
  #isRight(name: string, entry: CatalogEntry): boolean {
    try {
      this.#check(name, entry);
      return true;
    } catch (error) {
      if (!this.#reported.has(name)) {
        this.#reported.add(name);
        this.#logger.error((error as Error).message);
      }
      return false;
    }
  }

  /** @throws InvalidOptionError, TaskArgumentError */
  #check(name: string, entry: CatalogEntry): void {
    const { definition } = entry;
    for (const option of ['deduplication', 'delay'] as const) {
      if (definition.options[option] !== undefined) {
        throw new InvalidOptionError(repeatNotWith(name, option));
      }
    }
    this.#scheduleOf(name, entry);
    try {
      if ('pattern' in definition.repeat!) {
        this.connection.nextTime(definition.repeat);
      }
    } catch (error) {
      throw new InvalidOptionError(wrongPattern(name, reasonOf(definition.repeat!, error)));
    }
  }

  /**
   * Lists the schedules of all queues.
   *
   * @throws TaskQueueError
   */
  async list(): Promise<TaskSchedule[]> {
    const all = await Promise.all(this.queues.all.map((queue) => this.#listOf(queue)));
    return all.flat();
  }

  async #listOf(queue: Queue): Promise<TaskSchedule[]> {
    const present = await this.connection.answered(queue.getJobSchedulers());
    return Promise.all(
      present.map(async ({ name, every, pattern, tz, next }) => {
        const schedule: TaskSchedule = { name, queue: queue.name };
        return Object.assign(
          schedule,
          every && { every },
          pattern && { pattern },
          tz && { tz },
          next && { next: timeOf(next) },
          await this.#lastRun(queue, name),
        );
      }),
    );
  }

  async #lastRun(queue: Queue, name: string): Promise<Pick<TaskSchedule, 'lastRun'>> {
    const { connection } = this;
    const [id] = await connection.answered(connection.statements.newestIds(queue, HAVE_RUN, name, 1));
    const job = id === undefined ? undefined : await connection.answered(queue.getJob(id));
    return job?.processedOn ? { lastRun: timeOf(job.processedOn) } : {};
  }

  #scheduleOf(name: string, { definition }: CatalogEntry) {
    const options = { ...this.host.defaults, ...definition.options };
    const repeat = { ...definition.repeat! };
    const template = { name, data: dataOf(name, [], options, this.options), opts: jobOptions(options, this.options) };
    return { repeat, template, version: versionOf([repeat, template]) };
  }
}

/** BullMQ's states of jobs that a worker has claimed. */
const HAVE_RUN = ['active', 'completed', 'failed'] as const;

/** What may be a pattern. The parser's reason repeats its text, so the reason for any other text is not shown. */
const PATTERN = /^([\d\s*/,?#LW-]|[a-z]{3})+$/i;

function reasonOf(repeat: Repeat, error: unknown): string | undefined {
  return 'pattern' in repeat && PATTERN.test(repeat.pattern) ? (error as Error).message : undefined;
}

interface QueueMeta {
  setQueueMeta(values: { [field: string]: string }): Promise<unknown>;
  getQueueMeta(): Promise<{ [field: string]: string }>;
  removeQueueMetaFields(fields: readonly string[]): Promise<unknown>;
}

const metaOf = (queue: Queue) => queue.backend as unknown as QueueMeta;

/** A multiple of the interval, so that all processes that update the schedule at once agree on the first run. */
function startOf(repeat: Repeat): { startDate?: number } {
  return 'every' in repeat ? { startDate: Math.ceil(Date.now() / repeat.every) * repeat.every } : {};
}

function isEqual(
  present: JobSchedulerJson | undefined,
  repeat: Repeat,
  { data, opts }: { data: object; opts: object },
): boolean {
  const { pattern, tz, every } = present ?? {};
  return (
    isDeepStrictEqual(plain({ pattern, tz, every }), plain(repeat)) &&
    isDeepStrictEqual(plain(present?.template), plain({ data, opts }))
  );
}

/** The value as it comes back from the server: without `undefined`. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
