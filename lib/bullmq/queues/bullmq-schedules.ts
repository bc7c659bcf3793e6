import { isDeepStrictEqual } from 'node:util';
import { Inject, Injectable } from '@nestjs/common';
import type { JobSchedulerJson } from 'bullmq';
import { type CatalogEntry, TaskCatalog } from '../../durable/task-catalog.ts';
import { InvalidOptionError } from '../../errors/task.errors.ts';
import type { Repeat } from '../../task/definition/repeat.ts';
import { BullMqTasksOptions } from '../bullmq-tasks.options.ts';
import { wrongPattern } from '../bullmq.messages.ts';
import { dataOf, jobOptions } from '../jobs/task-job.ts';
import { BullMqConnection } from '../store/bullmq-connection.ts';
import { BullMqQueues } from './bullmq-queues.ts';

/** Keeps BullMQ's schedules in step with the option `repeat` of this application's tasks. */
@Injectable()
export class BullMqSchedules {
  constructor(
    @Inject(BullMqTasksOptions) private readonly options: BullMqTasksOptions,
    private readonly connection: BullMqConnection,
    private readonly catalog: TaskCatalog,
    private readonly queues: BullMqQueues,
  ) {}

  /**
   * @throws InvalidOptionError if a pattern can't be read
   * @throws TaskArgumentError if a name can't be kept
   */
  check(): void {
    for (const [name, entry] of this.catalog.repeating) {
      const { definition } = entry;
      this.#scheduleOf(name, entry);
      try {
        if ('pattern' in definition.repeat!) {
          this.connection.nextTime(definition.repeat);
        }
      } catch (error) {
        throw new InvalidOptionError(wrongPattern(name, (error as Error).message));
      }
    }
  }

  /** Adds and updates the schedules of a queue, and removes those of tasks that no longer repeat. */
  async update(queueName: string): Promise<void> {
    const queue = this.queues.get(queueName);
    const present = new Map((await queue.getJobSchedulers()).map((it) => [it.key, it]));
    for (const [name, entry] of this.catalog.repeating) {
      if (entry.definition.queue === queueName) {
        const { repeat, template } = this.#scheduleOf(name, entry);
        // An update restarts the interval, so an equal schedule stays as it is.
        if (!isEqual(present.get(name), repeat, template)) {
          await queue.upsertJobScheduler(name, { ...repeat, ...startOf(repeat) }, template);
        }
        present.delete(name);
      }
    }
    for (const key of present.keys()) {
      await queue.removeJobScheduler(key);
    }
  }

  #scheduleOf(name: string, { definition }: CatalogEntry) {
    return {
      repeat: { ...definition.repeat! },
      template: {
        name,
        data: dataOf(name, [], definition.options, this.options),
        opts: jobOptions(definition.options, this.options),
      },
    };
  }
}

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

/** As the value is when it comes back from the server: without `undefined`. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
