/*
 * A queue in memory, for tests. It keeps the contract of `TaskQueue` that Redis and Postgres keep: tasks travel through the
 * real codec, the engine runs their attempts, and the queue counts them. The only difference is `run()` of a test, which ends
 * delays and backoffs at once.
 */
import { AsyncResource } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import type { AttemptResult } from '../../durable/attempt-runner.ts';
import { decode, encodeArguments, encodeResult, isOmitted } from '../../durable/codec/value-codec.ts';
import { stepBeforeFailed, stepBeforeWithoutResult, unknownTaskName } from '../../durable/durable.messages.ts';
import { QueuePort } from '../../durable/queue-port.ts';
import type { CatalogEntry } from '../../durable/task-catalog.ts';
import type {
  AttemptRecord,
  DurableFilter,
  DurableTask,
  TaskDetails,
  TaskQueue,
  TaskSchedule,
} from '../../durable/task-queue.ts';
import type { EnqueuedInTransaction, Transaction } from '../../durable/transaction.ts';
import { TaskCancelledError } from '../../errors/task.errors.ts';
import { TaskQueueError } from '../../errors/unavailable.errors.ts';
import type { TaskDefinition } from '../../task/definition/task-definition.ts';
import type { TaskOptions } from '../../task/definition/task-options.ts';
import { backoffDelay } from '../../task/definition/backoff.ts';
import { readCarrier, type TaskCarrier } from '../../task/model/task-carrier.ts';
import type { QueueStats } from '../../task/model/queue-stats.ts';
import { errorRecord, type TaskRecord } from '../../task/model/task-record.ts';
import { setImmediate } from '../../util/timers.ts';
import { MemoryJob } from './memory-job.ts';
import { statsOf } from './memory-stats.ts';
import { MemoryJobs } from './memory-jobs.ts';

/** How the queue of one application behaves. */
export interface MemoryQueueOptions {
  /** Whether workers of this application claim jobs as soon as they can. Otherwise, they do so after `release`. */
  readonly isAutomatic: boolean;
  /** Whether delays and backoffs end at once, also without `release`. */
  readonly skipsDelays: boolean;
  /** The queues whose tasks this application runs. `undefined`: all. */
  readonly takes: readonly string[] | undefined;
  /** How many tasks of each queue it runs at once. */
  readonly slots: number;
  /** Bytes of JSON that the arguments of a task, or its result, may have. */
  readonly maxSize: number;
}

export const MEMORY_QUEUE_OPTIONS = Symbol('MemoryQueueOptions');

/** The default of `BullMqTasksModule`. */
const MAX_SIZE = 1_000_000;

/** How the queue behaves in a test: it runs all tasks of its application, in their order. */
export function memoryQueueOptions(mode: 'background' | 'inline' | 'manual'): MemoryQueueOptions {
  const [isAutomatic, skipsDelays] = [mode !== 'manual', mode === 'inline'];
  return { isAutomatic, skipsDelays, takes: undefined, slots: 10, maxSize: MAX_SIZE };
}

@Injectable()
export class MemoryTaskQueue implements TaskQueue, OnApplicationBootstrap {
  readonly #logger = new Logger('BackgroundTasks');
  /** Workers run outside of the async context of any request. */
  readonly #worker = new AsyncResource('MemoryTaskQueue');
  /** How many jobs of each queue run. */
  readonly #claimed = new Map<string, number>();
  #isScheduled = false;
  #isClaiming = false;
  #isClosed = false;
  /** One entry for each `release` that goes on: says which jobs are claimed without their delays. */
  readonly #releases = new Set<(job: MemoryJob) => boolean>();
  #endUse: (() => void) | undefined;

  constructor(
    @Inject(MEMORY_QUEUE_OPTIONS) private readonly options: MemoryQueueOptions,
    private readonly jobs: MemoryJobs,
    private readonly core: QueuePort,
  ) {
    core.host.replace(this);
  }

  onApplicationBootstrap(): void {
    this.#begin();
  }

  prepare(task: DurableTask): readonly MemoryJob[] {
    const before = (task.before?.tasks ?? []).map((it) => this.prepare(it));
    const { args, before: steps, ...others } = task;
    const job = new MemoryJob(
      others,
      encodeArguments(task.name, args, this.options.maxSize),
      before.map((it) => it.at(-1)!.id),
      steps?.isGroup ?? false,
    );
    return [...before.flat(), job];
  }

  async enqueue(prepared: readonly (readonly MemoryJob[])[], carrier?: TaskCarrier): Promise<readonly string[]> {
    await nextTurn();
    const carried = readCarrier(carrier);
    prepared.flat().forEach((job) => (job.carrier = carried));
    return prepared.map((jobs) => this.#add(jobs));
  }

  /** The queue can't know how the transaction ends, so it enqueues the tasks at once. */
  async enqueueIn(
    _transaction: Transaction,
    prepared: readonly (readonly MemoryJob[])[],
    carrier?: TaskCarrier,
  ): Promise<EnqueuedInTransaction> {
    const ids = await this.enqueue(prepared, carrier);
    return { ids, ended: Promise.resolve(ids.map(() => true)) };
  }

  async find(id: string): Promise<TaskRecord | undefined> {
    await nextTurn();
    return this.jobs.get(id)?.toRecord();
  }

  async latest(task: TaskRecord): Promise<TaskRecord> {
    await nextTurn();
    const found = this.recordOf(task.id);
    if (found) {
      return found;
    }
    const error = errorRecord(new TaskCancelledError(task.name, 'removed'));
    return { ...task, status: 'cancelled', finishedAt: new Date().toISOString(), error };
  }

  async list({ queue, status, name, limit }: DurableFilter): Promise<TaskRecord[]> {
    this.core.catalog.assertQueue(queue);
    await nextTurn();
    return [...this.jobs.all]
      .filter(({ task }) => task.queue === queue && (name ?? task.name) === task.name)
      .toSorted((a, b) => b.task.createdAt - a.task.createdAt || b.position - a.position)
      .map((job) => job.toRecord())
      .filter((record) => (status ?? record.status) === record.status)
      .slice(0, limit);
  }

  async stats(): Promise<QueueStats[]> {
    await nextTurn();
    return this.core.catalog.queues.map((name) =>
      statsOf(
        name,
        [...this.jobs.all].filter(({ task }) => task.queue === name),
        this.jobs.isPaused(name),
      ),
    );
  }

  async retry(id: string): Promise<boolean> {
    const job = this.jobs.get(id);
    if (!job || !isRetriable(job)) {
      return false;
    }
    job.reset();
    job.isRetried = true;
    await Promise.all(job.before.map((step) => this.retry(step)));
    this.#placeIn(job);
    return true;
  }

  settled(task: TaskRecord): Promise<TaskRecord> {
    const job = this.jobs.get(task.id);
    return job && !job.isSettled ? new Promise((resolve) => job.onSettled.add(resolve)) : this.latest(task);
  }

  async cancel(id: string): Promise<boolean> {
    const job = this.jobs.get(id);
    if (!job || job.isSettled) {
      return false;
    }
    this.jobs.freeDeduplication(job);
    if (job.running) {
      return job.running.cancel();
    }
    this.#settleCancelled(job);
    await Promise.all(job.before.map((step) => this.cancel(step)));
    return true;
  }

  async pause(queue: string): Promise<void> {
    this.core.catalog.assertQueue(queue);
    await nextTurn();
    this.jobs.pause(queue);
  }

  async resume(queue: string): Promise<void> {
    this.core.catalog.assertQueue(queue);
    await nextTurn();
    this.jobs.resume(queue);
  }

  /** The schedules have no next run: a test says when the tasks run. */
  async schedules(): Promise<readonly TaskSchedule[]> {
    await nextTurn();
    return this.repeating.map(([name, { definition }]) => ({
      name,
      queue: definition.queue!,
      ...definition.repeat,
      ...lastRunOf([...this.jobs.all].filter(({ task }) => task.name === name)),
    }));
  }

  async details(id: string): Promise<TaskDetails | undefined> {
    await nextTurn();
    const job = this.jobs.get(id);
    return job && { attempts: [...job.begun], args: decode(job.args) as readonly unknown[] };
  }

  cancelLater(id: string): void {
    void this.cancel(id);
  }

  stopClaiming(): void {
    this.#isClaiming = false;
    this.#isClosed = true;
  }

  async close(): Promise<void> {
    this.stopClaiming();
    this.#endUse?.();
  }

  // For tests.

  /** The record of a task, if it is in a queue. */
  recordOf(id: string): TaskRecord | undefined {
    return this.jobs.get(id)?.toRecord();
  }

  /**
   * Runs tasks, and ends their delays and backoffs at once.
   *
   * @param isRun is given the id of a task, and says whether it runs. Steps run with the last one of their chain or group
   * @returns a function that stops it
   */
  release(isRun: (id: string) => boolean): () => void {
    // Many tests compile a module and don't start an application.
    this.#begin();
    return this.#release((job) => isRun(this.#lastOf(job).id));
  }

  /** The tasks of the application with the option `repeat`, each with its name. */
  get repeating(): readonly (readonly [string, CatalogEntry])[] {
    return this.core.catalog.repeating;
  }

  /** Runs a repeating task once, and waits for its end. */
  async runOnce(name: string, { queue, options }: TaskDefinition): Promise<TaskRecord> {
    const { repeat: _repeat, ...others } = options as TaskOptions & { repeat?: unknown };
    const task = { id: randomUUID(), name, queue: queue!, args: [], createdAt: Date.now(), options: others };
    const [id] = await this.enqueue([this.prepare({ ...task, previousAt: [], before: undefined })]);
    this.#begin();
    const stop = this.#release((job) => job.id === id);
    const record = await this.settled(this.recordOf(id!)!);
    stop();
    return record;
  }

  /** Cancels what does not run, and forgets all tasks. */
  clear(): void {
    for (const job of this.jobs.all) {
      if (job.state !== 'claimed') {
        this.#settleCancelled(job);
      }
    }
    this.jobs.clear();
  }

  #release(isReleased: (job: MemoryJob) => boolean): () => void {
    this.#releases.add(isReleased);
    for (const job of this.jobs.all) {
      if (job.state === 'delayed' && isReleased(job)) {
        this.jobs.endDelay(job);
      }
    }
    this.#schedule();
    return () => void this.#releases.delete(isReleased);
  }

  #isReleased(job: MemoryJob): boolean {
    return [...this.#releases].some((isReleased) => isReleased(job));
  }

  #begin(): void {
    if (!this.#isClaiming && !this.#isClosed) {
      this.#isClaiming = true;
      this.#endUse = this.jobs.use(() => this.#schedule());
      this.#schedule();
    }
  }

  /** The last task of the chain or group that a job is a step of. */
  #lastOf(job: MemoryJob): MemoryJob {
    const after = this.jobs.after(job);
    return after ? this.#lastOf(after) : job;
  }

  #skipsDelay(job: MemoryJob): boolean {
    return this.options.skipsDelays || this.#isReleased(job);
  }

  #takes(queue: string): boolean {
    return this.options.takes?.includes(queue) ?? true;
  }

  #add(jobs: readonly MemoryJob[]): string {
    const last = jobs.at(-1)!;
    const duplicate = this.jobs.duplicateOf(last);
    if (duplicate) {
      return duplicate.id;
    }
    for (const job of jobs) {
      job.position = this.jobs.nextPosition();
      this.jobs.add(job);
      this.#placeIn(job);
    }
    return last.id;
  }

  /** Lets a job wait for what it needs: the steps before it, its delay, or a worker. */
  #placeIn(job: MemoryJob): void {
    const { delay = 0 } = job.task.options;
    if (job.before.some((id) => this.jobs.get(id)?.end?.status !== 'completed')) {
      job.state = 'blocked';
    } else if (delay > 0 && job.attempts === 0 && !job.isRetried && !this.#skipsDelay(job)) {
      this.jobs.delay(job, Math.max(0, job.task.createdAt + delay - Date.now()));
    } else {
      job.state = 'waiting';
    }
    this.jobs.changed();
  }

  #schedule(): void {
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      this.#worker.runInAsyncScope(() =>
        setImmediate(() => {
          this.#isScheduled = false;
          this.#claimAll();
        }),
      );
    }
  }

  #claimAll(): void {
    while (this.#isClaiming) {
      const job = this.jobs.next((it) => this.#mayClaim(it));
      if (!job) {
        break;
      }
      void this.#run(job);
    }
  }

  #mayClaim(job: MemoryJob): boolean {
    const { isAutomatic, slots } = this.options;
    const { queue } = job.task;
    return (
      this.#takes(queue) &&
      !this.jobs.isPaused(queue) &&
      (isAutomatic || this.#isReleased(job)) &&
      (this.#claimed.get(queue) ?? 0) < slots
    );
  }

  async #run(job: MemoryJob): Promise<void> {
    const { queue } = job.task;
    job.state = 'claimed';
    this.#claimed.set(queue, (this.#claimed.get(queue) ?? 0) + 1);
    try {
      await this.#attempt(job);
    } catch (error) {
      this.#settleFailed(job, error);
    } finally {
      this.#claimed.set(queue, this.#claimed.get(queue)! - 1);
      this.jobs.changed();
      this.#schedule();
    }
  }

  /** @throws TaskQueueError if the task can't begin */
  async #attempt(job: MemoryJob): Promise<void> {
    const { id, name, queue, createdAt, options, route } = job.task;
    const entry = this.core.catalog.find(name);
    if (!entry) {
      throw new TaskQueueError(unknownTaskName(name, queue));
    }
    const { attempts, startedAt, progress, carrier } = job;
    let attempt: AttemptRecord | undefined;
    const { task, result } = this.core.attempts.run({
      call: entry.call(this.#argumentsOf(job)),
      restored: { id, createdAt, attempts, startedAt, progress, route },
      options,
      carrier,
      observer: {
        began: (it) => {
          const beganAt = it.attempts === 1 ? Number(it.startedAt) : Date.now();
          attempt = { attempt: it.attempts, startedAt: new Date(beganAt).toISOString() };
          job.begun.push(attempt);
          job.attempts = it.attempts;
          job.startedAt ??= Number(it.startedAt);
        },
        progressed: (it) => (job.progress = it.progress),
      },
    });
    job.running = task;
    const ended = await result;
    job.running = undefined;
    if (attempt && ended.status === 'released') {
      job.begun.pop();
    } else if (attempt) {
      attempt.finishedAt = new Date().toISOString();
      Object.assign(attempt, 'error' in ended && { error: errorRecord(ended.error) });
    }
    this.#end(job, ended);
  }

  #end(job: MemoryJob, ended: AttemptResult): void {
    switch (ended.status) {
      case 'completed':
        this.#settle(job, { status: 'completed', result: this.#encoded(job, ended.result) });
        break;
      case 'cancelled':
        this.#settleCancelled(job);
        break;
      case 'released':
        // The attempt doesn't count.
        job.attempts--;
        if (job.attempts === 0) {
          job.startedAt = undefined;
        }
        this.jobs.putFirst(job);
        break;
      case 'failed':
        if (ended.isWorthAnother) {
          job.lastError = errorRecord(ended.error);
          this.#retryLater(job, backoffDelay(job.task.options.backoff, job.attempts));
        } else {
          this.#settleFailed(job, ended.error);
        }
        break;
    }
  }

  #retryLater(job: MemoryJob, ms: number): void {
    if (ms > 0 && !this.#skipsDelay(job)) {
      this.jobs.delay(job, ms);
    } else {
      job.state = 'waiting';
    }
  }

  /** @throws TaskQueueError if a step before it has no result for it */
  #argumentsOf({ args: encoded, before, isGroup, task: { previousAt } }: MemoryJob): readonly unknown[] {
    const args = decode(encoded) as readonly unknown[];
    if (previousAt.length === 0) {
      return args;
    }
    const results = before.map((id) => {
      const end = this.jobs.get(id)?.end;
      if (end?.status !== 'completed') {
        throw new TaskQueueError(stepBeforeFailed(id));
      }
      if (isOmitted(end.result)) {
        throw new TaskQueueError(stepBeforeWithoutResult(id, end.result.omitted));
      }
      return decode(end.result);
    });
    return args.map((arg, i) => (previousAt.includes(i) ? (isGroup ? results : results[0]) : arg));
  }

  #encoded({ id, task: { name } }: MemoryJob, result: unknown) {
    const encoded = encodeResult(name, result, this.options.maxSize);
    if (isOmitted(encoded)) {
      this.#logger.warn(`${encoded.omitted} (${id})`);
    }
    return encoded;
  }

  /** @param thrown what a test gets. If a step before the task failed, it is what that step threw */
  #settleFailed(job: MemoryJob, error: unknown, thrown: MemoryJob['thrown'] = { error }): void {
    job.thrown = thrown;
    this.#settle(job, { status: 'failed', error: errorRecord(error) });
    this.#failAfter(job);
  }

  #settleCancelled(job: MemoryJob): void {
    if (!job.isSettled) {
      this.jobs.dropDelay(job);
      this.#settle(job, {
        status: 'cancelled',
        error: errorRecord(new TaskCancelledError(job.task.name, 'requested')),
      });
      this.#failAfter(job);
    }
  }

  /** Fails the task that takes the result of this one: it can't run. */
  #failAfter(job: MemoryJob): void {
    const after = this.jobs.after(job);
    if (after?.state === 'blocked') {
      this.#settleFailed(after, new TaskQueueError(stepBeforeFailed(job.id)), job.thrown);
    }
  }

  #settle(job: MemoryJob, end: NonNullable<MemoryJob['end']>): void {
    job.state = 'settled';
    job.end = end;
    job.finishedAt = Date.now();
    this.jobs.freeDeduplication(job);
    const record = job.toRecord();
    job.onSettled.forEach((resolve) => resolve(record));
    job.onSettled.clear();
    const after = end.status === 'completed' ? this.jobs.after(job) : undefined;
    if (after?.state === 'blocked') {
      this.#placeIn(after);
    }
  }
}

/**
 * Every answer comes in a later turn of the event loop, as that of a server does. So an application that doesn't wait for it
 * fails here too, and one that asks again and again doesn't block others.
 */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function lastRunOf(jobs: readonly MemoryJob[]): Pick<TaskSchedule, 'lastRun'> {
  const last = Math.max(0, ...jobs.map(({ startedAt = 0 }) => startedAt));
  return last > 0 ? { lastRun: new Date(last).toISOString() } : {};
}

function isRetriable({ end }: MemoryJob): boolean {
  return end?.status === 'failed' || end?.status === 'cancelled';
}
