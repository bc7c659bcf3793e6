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

/** Has the store know when which tasks repeat: those that say so where they are defined, and no others. */
@Injectable()
export class BullMqSchedules {
  constructor(
    @Inject(BullMqTasksOptions) private readonly options: BullMqTasksOptions,
    private readonly connection: BullMqConnection,
    private readonly definitions: TaskCatalog,
    private readonly queues: BullMqQueues,
  ) {}

  /** @throws InvalidOptionError for a pattern that is none */
  check(): void {
    for (const [name, { definition }] of this.definitions.repeating) {
      try {
        if ('pattern' in definition.repeat!) {
          this.connection.nextTime(definition.repeat);
        }
      } catch (error) {
        throw new InvalidOptionError(wrongPattern(name, (error as Error).message));
      }
    }
  }

  async store(queueName: string): Promise<void> {
    const queue = this.queues.get(queueName);
    const stored = new Map((await queue.getJobSchedulers()).map((it) => [it.key, it]));
    for (const [name, definition] of this.definitions.repeating) {
      if (definition.definition.queue === queueName) {
        const wanted = this.#scheduleOf(name, definition);
        if (!isAlike(stored.get(name), wanted)) {
          await queue.upsertJobScheduler(name, { ...wanted.repeat, ...beginOf(wanted.repeat) }, wanted.template);
        }
        stored.delete(name);
      }
    }
    for (const key of stored.keys()) {
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

/** At the same time for all processes that store it at once: else each would begin it when it does. */
function beginOf(repeat: Repeat): { startDate?: number } {
  return 'every' in repeat ? { startDate: Math.ceil(Date.now() / repeat.every) * repeat.every } : {};
}

/** One that is stored again where nothing has changed would begin anew. */
function isAlike(
  stored: JobSchedulerJson | undefined,
  { repeat, template }: { repeat: object; template: { data: object; opts: object } },
): boolean {
  const { pattern, tz, every } = stored ?? {};
  return (
    isDeepStrictEqual(plain({ pattern, tz, every }), plain(repeat)) &&
    isDeepStrictEqual(plain(stored?.template), plain({ data: template.data, opts: template.opts }))
  );
}

function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
