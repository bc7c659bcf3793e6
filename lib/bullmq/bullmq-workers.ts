import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { QueueEventsListener, QueueEventsProducer, Worker } from 'bullmq';
import { storedUnderUnknownName } from '../messages.ts';
import { StoredDefinitions } from '../queue/stored-definitions.ts';
import { TaskLists } from '../runner/task-lists.ts';
import type { BackgroundTask } from '../task/background-task.ts';
import { BullMqConnection } from './bullmq-connection.ts';
import { BullMqTasksOptions } from './bullmq-tasks.options.ts';
import { decode, encode, type Stored } from './job-data.ts';
import type { TaskJob } from './task-job.ts';

/** How processes tell each other that a task is to be cancelled. */
const CANCEL = 'cancel-task';

interface CancelListener extends QueueEventsListener {
  [CANCEL]: (event: { taskId: string }) => void;
}

/** Takes jobs, and has the core run them. */
@Injectable()
export class BullMqWorkers implements OnApplicationBootstrap {
  readonly #workers: Worker[] = [];
  readonly #producers = new Map<string, QueueEventsProducer>();
  #isStopped = false;
  readonly #running = new Map<string, BackgroundTask>();

  constructor(
    @Inject(BullMqTasksOptions) private readonly options: BullMqTasksOptions,
    private readonly connection: BullMqConnection,
    private readonly definitions: StoredDefinitions,
    private readonly lists: TaskLists,
  ) {}

  // Then all providers are there that tasks may want.
  onApplicationBootstrap(): void {
    const { worker } = this.options;
    for (const name of worker ? this.definitions.queues : []) {
      const taker = this.connection.worker(name, (job, token) => this.#run(job as TaskJob, token), worker || {});
      this.#workers.push(taker);
      void taker.run();
      this.connection
        .events(name)
        .on<CancelListener>(CANCEL, ({ taskId }: { taskId: string }) => void this.#running.get(taskId)?.cancel());
    }
  }

  /** Ends what a process runs, whichever. */
  async cancel(queue: string, taskId: string): Promise<void> {
    const here = this.#running.get(taskId);
    if (here) {
      here.cancel();
      return;
    }
    const producer = this.#producers.get(queue) ?? this.connection.eventsProducer(queue);
    this.#producers.set(queue, producer);
    await producer.publishEvent({ eventName: CANCEL, taskId });
  }

  stopTaking(): void {
    this.#isStopped = true;
    for (const worker of this.#workers) {
      void worker.pause(true);
    }
  }

  async #run(job: TaskJob, token: string | undefined): Promise<Stored | undefined> {
    const { id, name, data, timestamp, attemptsMade, opts } = job;
    if (this.#isStopped) {
      // Asked for before, and come since: a worker that is paused asks for no other.
      return this.#giveBack(job, token);
    }
    const found = this.definitions.find(name);
    if (!found) {
      throw new this.connection.unrecoverable(storedUnderUnknownName(name, job.queueName));
    }
    const { task, outcome } = this.lists.runStored({
      call: found.call(decode(data.args) as unknown[]),
      restored: { id: id!, createdAt: timestamp, attempts: attemptsMade },
      options: { ...found.definition.options, ...data.options, attempts: opts.attempts ?? 1 },
      observer: { progressed: ({ progress }) => void job.updateProgress(progress as object).catch(() => undefined) },
    });
    this.#running.set(id!, task);
    const end = await outcome;
    this.#running.delete(id!);
    if (end.status === 'completed') {
      return end.result === undefined ? undefined : encode(end.result);
    }
    if (end.status === 'given back') {
      return this.#giveBack(job, token);
    }
    throw end.status === 'failed' && end.isWorthAnother ? asError(end.error) : this.#final(end.error);
  }

  async #giveBack(job: TaskJob, token: string | undefined): Promise<never> {
    await job.moveToWait(token);
    throw new this.connection.waiting();
  }

  /** What is not tried again, whatever attempts there are left. */
  #final(thrown: unknown): Error {
    const { message, stack } = asError(thrown);
    return Object.assign(new this.connection.unrecoverable(message), { stack });
  }
}

/** NUL, and halves of surrogate pairs. */
const UNSTORABLE = /\0|\p{Cs}/gu;

function storable(text: string | undefined): string | undefined {
  return text?.replaceAll(UNSTORABLE, '\uFFFD');
}

/** Without what Postgres can't store. */
function asError(thrown: unknown): Error {
  const { name, message, stack } = thrown instanceof Error ? thrown : new Error(String(thrown));
  return Object.assign(new Error(storable(message)), { name, stack: storable(stack) });
}
