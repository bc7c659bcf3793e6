import { isDeepStrictEqual } from 'node:util';
import type { Subscriber } from 'rxjs';
import { POLL } from '../durable/poll.ts';
import type { TaskQueueHost } from '../durable/task-queue-host.ts';
import type { TaskEngine } from '../engine/task-engine.ts';
import { TaskNotFoundError } from '../errors/request.errors.ts';
import { TaskCancelledError } from '../errors/task.errors.ts';
import { UnavailableError } from '../errors/unavailable.errors.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import type { TaskEventType } from '../task/model/task-event.ts';
import { type TaskRecord, withoutRoute } from '../task/model/task-record.ts';
import { retryUntil } from '../util/retry-until.ts';
import type { EndsUnderway } from './ends-underway.ts';
import { taskNotFound } from './services.messages.ts';

/** Where the records of tasks come from. */
export interface RecordSources {
  readonly engine: TaskEngine;
  readonly queues: TaskQueueHost;
  readonly ends: EndsUnderway;
  readonly get: (id: string) => Promise<TaskRecord | undefined>;
}

/**
 * Emits the record of one task now and at each change, until the task has settled. Its sources:
 *
 * - the steps of a task of this process that is in no queue, and of an attempt of a durable task that runs here;
 * - otherwise, the queue of the task or the record store, read again and again. A step that comes meanwhile makes the
 *   reading out of date, so records never go back in time.
 *
 * An attempt that has ended here ends in its queue a moment later. So the queue says how a durable task has settled.
 */
export class FollowedTask {
  #last: TaskRecord | undefined;
  /** The newest record, also if it was not emitted. */
  #known: TaskRecord | undefined;
  /** Changes with each step and each reading that begins: the answer to an earlier one does not count. */
  #turn = 0;
  /** Which attempt has ended here, until the queue knows it too: its records are a moment behind. */
  #endedHere: number | undefined;
  readonly #watched = new Map<BackgroundTask | string, () => void>();

  constructor(
    private readonly id: string,
    private readonly sources: RecordSources,
    private readonly subscriber: Subscriber<TaskRecord>,
  ) {}

  start(): void {
    const task = this.sources.engine.find(this.id);
    this.#watch(this.id);
    if (task && !task.isAttempt) {
      this.#watch(task);
    }
    if (task && !task.isEnqueued) {
      this.#emit(task.toJSON());
    } else {
      void this.#readFirst();
    }
  }

  stop(): void {
    this.#turn++;
    this.#watched.forEach((stop) => stop());
    this.#watched.clear();
    this.sources.ends.delete(this);
  }

  #watch(task: BackgroundTask | string): void {
    if (!this.#watched.has(task)) {
      this.#watched.set(task, this.sources.engine.watch(task, this.#stepped));
    }
  }

  readonly #stepped = (task: BackgroundTask, step: TaskEventType): void => {
    this.#turn++;
    if (step === 'stored') {
      // A duplicate gets the id of the task that it joins.
      this.#watch(task.id);
    }
    if (task.isAttempt ? task.isSettled || step === 'retrying' : task.isEnqueued) {
      this.#isInQueue(task);
    } else if (!task.isAttempt || step !== 'added') {
      this.#emit(task.toJSON());
    }
  };

  #isInQueue(task: BackgroundTask): void {
    const attempt = task.isAttempt ? undefined : this.sources.engine.find(task.id);
    if (attempt?.isAttempt && !attempt.isEnqueued) {
      // It was claimed here before the queue had answered.
      this.#emit(attempt.toJSON());
      return;
    }
    this.#known = task.toJSON();
    // An attempt that was given back to its queue is not its end: another process begins it again.
    if (task.isAttempt && !isReleased(task)) {
      this.#endedHere = task.begunAttempts;
      this.sources.ends.add(this);
    }
    this.#poll();
  }

  /** Nothing is known yet, so an error ends it. */
  async #readFirst(): Promise<void> {
    const turn = ++this.#turn;
    try {
      const record = await this.sources.get(this.id);
      if (record && (turn === this.#turn || !this.#last)) {
        this.#emit(record);
      }
      if (turn === this.#turn) {
        if (!record) {
          throw new TaskNotFoundError(taskNotFound(this.id));
        }
        this.#poll();
      }
    } catch (error) {
      this.subscriber.error(error);
    }
  }

  #poll(): void {
    const turn = ++this.#turn;
    const readOnce = async () => {
      try {
        const record = await this.#read();
        if (turn === this.#turn && !this.#isBehind(record)) {
          this.#endedHere = undefined;
          this.#emit(record);
          this.sources.ends.delete(this);
        }
      } catch (error) {
        // A server that is unavailable comes back.
        if (!(error instanceof UnavailableError)) {
          this.subscriber.error(error);
        }
      }
      return undefined;
    };
    void retryUntil(readOnce, { ...POLL, shouldStop: () => turn !== this.#turn });
  }

  async #read(): Promise<TaskRecord> {
    const { queues, get } = this.sources;
    const known = this.#known!;
    const record = await (known.queue !== undefined && queues.current ? queues.current.latest(known) : get(known.id));
    if (!record) {
      throw new TaskNotFoundError(taskNotFound(this.id));
    }
    return withoutRoute(record);
  }

  #isBehind({ status, attempts, finishedAt }: TaskRecord): boolean {
    const ended = this.#endedHere;
    return (
      ended !== undefined &&
      finishedAt === undefined &&
      (attempts < ended || (attempts === ended && status === 'running'))
    );
  }

  #emit(record: TaskRecord): void {
    this.#known = record;
    if (!isDeepStrictEqual(record, this.#last)) {
      this.#last = record;
      this.subscriber.next(record);
    }
    if (record.finishedAt !== undefined) {
      this.subscriber.complete();
    }
  }
}

function isReleased({ error }: BackgroundTask): boolean {
  return error instanceof TaskCancelledError && error.reason === 'shutdown';
}
