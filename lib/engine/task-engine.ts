import { Inject, Injectable, Optional } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { AttemptRunner, type DurableAttempt, type RunningAttempt } from '../durable/attempt-runner.ts';
import { notDurable } from '../durable/durable.messages.ts';
import { TaskQueueHost } from '../durable/task-queue-host.ts';
import type { Transaction } from '../durable/transaction.ts';
import { TaskArgumentError } from '../errors/task.errors.ts';
import type { UnavailableError } from '../errors/unavailable.errors.ts';
import { EventLoopExecutor } from '../execution/event-loop.executor.ts';
import { TASK_CONTROL, type TaskControl } from '../execution/task-control.ts';
import { ProviderResolver } from '../execution/provider-resolver.ts';
import { noteApplication, type ObservedApplication } from '../observe/applications.ts';
import { stepChannel } from '../observe/channels.ts';
import { reportThrownTo } from '../observe/guarded-channel.ts';
import { TaskObserver } from '../observe/task-observer.ts';
import { BackgroundTasksOptions } from '../options/background-tasks.options.ts';
import type { EntryWatcher, TaskWatcher, WatchedTask } from '../observe/task-watchers.ts';
import { SharedRecords } from '../records/shared-records.ts';
import { TaskHistory } from '../records/task-history.ts';
import { isDurable, type TaskCall } from '../task/call/task-call.ts';
import type { TaskOptions } from '../task/definition/task-options.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import type { TaskEvent } from '../task/model/task-event.ts';
import type { RequestOrigin } from '../task/model/task-route.ts';
import type { QueueStats } from '../task/model/queue-stats.ts';
import type { TaskRecord } from '../task/model/task-record.ts';
import type { TaskStats } from '../task/model/task-stats.ts';
import { THREAD_LOAD_LIMIT, ThreadExecutor } from '../threads/thread.executor.ts';
import { settlesWithin } from '../util/settles-within.ts';
import { Admission, type Phase } from './admission.ts';
import { runDurable } from './durable-attempt.ts';
import { FairSlots } from './fair-slots.ts';
import { type EventLoopBlock, RecentBlocks } from './recent-blocks.ts';
import type { ResolvedTaskOptions } from './task-entry.ts';
import { TaskLifecycle } from './task-lifecycle.ts';
import { TaskList, type TaskListContext } from './task-list.ts';
import { TaskLog } from './task-log.ts';
import { TaskTracker } from './task-tracker.ts';
import { TurnQueue } from './turn-queue.ts';

/**
 * The core of one application. It creates the parts and is what the rooms above it call:
 *
 * - requests and `TaskRunner` make lists; a list (`TaskList`) decides the order of its tasks;
 * - `TaskLifecycle` moves each task through its states, and executors run its attempts, here or in a thread;
 * - each handle reports its steps to `TaskTracker`, which counts them and passes them on. `TaskObserver` receives them, keeps
 *   records and emits events;
 * - a queue runs its attempts through `run`;
 * - shutdown calls `stopAdmitting`, `drain`, `cancelRest` and the methods after them.
 */
@Injectable()
export class TaskEngine extends AttemptRunner implements ObservedApplication {
  readonly #log: TaskLog;
  readonly #history: TaskHistory;
  readonly #observer: TaskObserver;
  readonly #tracker: TaskTracker;
  readonly #admission: Admission;
  readonly #eventLoop: EventLoopExecutor;
  readonly #threads: ThreadExecutor;
  readonly #lifecycle: TaskLifecycle;
  readonly #context: TaskListContext;
  readonly #blocks = new RecentBlocks();
  /** How many tasks had settled when the application began to close. */
  #settledBefore = 0;
  /** How many lost tasks the log has named. */
  #reportedLost = 0;
  /** Call it at the end: then no instrumentation reads the figures of this application any more. */
  readonly #forget: () => void;

  constructor(
    @Inject(BackgroundTasksOptions) private readonly options: BackgroundTasksOptions,
    providers: ProviderResolver,
    private readonly queues: TaskQueueHost,
    @Optional() @Inject(THREAD_LOAD_LIMIT) threadLoadLimit?: number,
    @Optional() @Inject(TASK_CONTROL) private readonly control?: TaskControl,
  ) {
    super();
    const { execution, runOn, onFailure, concurrency, history, store } = options;
    const showsArguments = options.observe.arguments;
    queues.defaults = options.defaults;
    const log = (this.#log = new TaskLog());
    const shared = store && new SharedRecords(store, history.ttl, log);
    this.#history = new TaskHistory(history.max, history.ttl, shared);
    this.#observer = new TaskObserver(
      (task) => this.#history.changed(task),
      (error) => log.subscriberThrew(error),
      showsArguments,
    );
    const tracker = (this.#tracker = new TaskTracker(this.#observer));
    const admission = (this.#admission = new Admission(options.maxPending, tracker));
    const { blockingThreshold } = options;
    this.#eventLoop = new EventLoopExecutor(providers, (call, busy) => {
      this.#observer.figures.blocked(call.name, busy);
      if (blockingThreshold > 0 && busy > blockingThreshold) {
        this.#blocks.add(call.name, busy);
        log.blocked(call, busy, blockingThreshold);
      }
    });
    this.#threads = new ThreadExecutor(options.pool, (error) => log.threadLost(error), threadLoadLimit);
    const turns = new TurnQueue();
    const lifecycle = (this.#lifecycle = new TaskLifecycle({
      eventLoop: this.#eventLoop,
      threads: this.#threads,
      slots: concurrency === Infinity ? undefined : new FairSlots(concurrency),
      turns,
      admission,
      tracker,
      log,
      control,
      showsArguments,
      watchers: this.#observer.watchers,
      isObserved: () => this.#observer.isObserved || stepChannel.hasSubscribers,
    }));
    const defaults: ResolvedTaskOptions = { execution, runOn, onFailure, ...options.defaults };
    const flushing = { queues, admission, tracker, lifecycle, history: this.#history, log, defaults, showsArguments };
    this.#context = { defaults, turns, lifecycle, tracker, flushing, log, control, showsArguments };
    reportThrownTo((error) => log.subscriberThrew(error));
    this.#forget = noteApplication(this);
  }

  // For requests.

  get phase(): Phase {
    return this.#admission.phase;
  }

  /** Calls a function for a request that arrived while the application closes: see `Admission`. */
  runLate<T>(isTooLate: () => boolean, fn: () => T): T {
    return this.#admission.runLate(isTooLate, fn);
  }

  /** Makes a list that runs nothing until it is opened. */
  createList(origin?: RequestOrigin): TaskList {
    return new TaskList(this.#context, origin);
  }

  /** Makes a list for tasks that belong to no request. */
  createOpenList(): TaskList {
    const list = this.createList();
    list.open(undefined);
    return list;
  }

  /**
   * Enqueues a durable task that belongs to no request in the application's own transaction.
   *
   * @throws TaskArgumentError if it is not durable
   */
  startIn(transaction: Transaction, call: TaskCall, options: TaskOptions): BackgroundTask {
    if (!isDurable(call)) {
      throw new TaskArgumentError(notDurable('within(transaction).start', call.name));
    }
    const list = this.createList();
    const task = list.add(call, options);
    // The handle and the log tell of a failure.
    list.flushIn(transaction).catch(() => undefined);
    return task;
  }

  /** Counts a task that a request may not add any more. @returns the error, for `throw` */
  refuse(error: UnavailableError): UnavailableError {
    return this.#admission.refuse(error);
  }

  // For queues.

  run(attempt: DurableAttempt): RunningAttempt {
    return runDurable(attempt, this.#lifecycle, this.#tracker, this.#context.defaults);
  }

  // For services.

  get events(): Observable<TaskEvent> {
    return this.#observer.events;
  }

  /** @returns a function that ends it */
  watch(task: WatchedTask, watcher: TaskWatcher): () => void {
    return this.#observer.watchers.watch(task, watcher);
  }

  /** @returns a function that ends it */
  watchAll(watcher: TaskWatcher): () => void {
    return this.#observer.watchers.watchAll(watcher);
  }

  /** @returns a function that ends it */
  watchEntries(watcher: EntryWatcher): () => void {
    return this.#observer.watchers.watchEntries(watcher);
  }

  /** The latest tasks that blocked the event loop. */
  get blocks(): readonly EventLoopBlock[] {
    return this.#blocks.latest;
  }

  /** Emits when `closeEvents` is called. */
  get closed(): Observable<void> {
    return this.#observer.closed;
  }

  /** Logs what a subscriber of an Observable of this application has thrown. */
  subscriberThrew(thrown: unknown): void {
    this.#log.subscriberThrew(thrown);
  }

  get stats(): TaskStats {
    return { ...this.counts, byName: this.#observer.figures.toObject() };
  }

  /** The statistics without the figures by name: percentiles of many names take time. */
  get counts(): Omit<TaskStats, 'byName'> {
    return {
      ...this.#tracker.stats,
      delayed: this.#lifecycle.delayed,
      refused: this.#admission.refused + this.#threads.refused,
      threads: this.#threads.stats,
    };
  }

  /**
   * Counts the tasks of each queue. Empty without a queue, or if its adapter can't count.
   *
   * @throws TaskQueueError
   */
  async queueStats(): Promise<QueueStats[]> {
    return (await this.queues.current?.stats?.()) ?? [];
  }

  /** The tasks of this process: the unsettled ones, those that the history keeps, and those that it has enqueued. */
  get tasks(): readonly BackgroundTask[] {
    return [...this.#tracker.unsettled, ...this.#history.settled, ...this.#history.enqueued];
  }

  find(id: string): BackgroundTask | undefined {
    const task = this.#tracker.ids.get(id);
    // The history forgets an expired task only later, when it needs its place.
    return task?.isSettled && !this.#history.has(task) ? undefined : task;
  }

  /**
   * Reads a record that another process has shared.
   *
   * @throws TaskStoreError
   */
  async findShared(id: string): Promise<TaskRecord | undefined> {
    return this.#history.shared?.read(id);
  }

  /**
   * Resolves when no task is unsettled.
   *
   * @throws DrainTimeoutError
   */
  drain(timeout?: number): Promise<void> {
    return this.#tracker.drain(timeout);
  }

  // For shutdown, in this order.

  /** Whether a task is unsettled. */
  get isBusy(): boolean {
    return this.#tracker.size > 0;
  }

  /** Requests that arrive from now on add no tasks. Cancels the tasks whose delay ends after the deadline. */
  stopAdmitting(deadline: number): void {
    this.#settledBefore = this.#tracker.settledCount;
    this.#admission.goOnTo('draining');
    this.control?.close();
    this.#lifecycle.cancelDelayedBeyond(deadline);
  }

  /** Whether somebody hears of the steps of all tasks. */
  get isObserved(): boolean {
    return this.#observer.isObserved;
  }

  /** Completes the Observable of all events, and those that follow single tasks. */
  closeEvents(): void {
    this.#observer.close();
  }

  /** No request adds tasks from now on. Providers that close can still start some. */
  stopAdmittingRequests(): void {
    this.#admission.goOnTo('drained');
  }

  /** Nobody adds tasks from now on. A task that is added when another task's signal aborts would be lost. */
  stopAdmittingAll(): void {
    this.#admission.goOnTo('closed');
  }

  /**
   * Cancels all unsettled tasks and kills their threads.
   *
   * @param grace ms for tasks to settle, and then for threads to end
   */
  async cancelRest(grace: number): Promise<void> {
    for (const task of this.#tracker.unsettled) {
      task.cancelFor('shutdown');
    }
    await settlesWithin(Promise.all([this.#tracker.drain(), this.#eventLoop.settleAborted()]), grace);
    await this.closeThreads(grace);
  }

  async closeThreads(grace: number): Promise<void> {
    await settlesWithin(this.#threads.close(), grace);
  }

  /** Logs the names of the tasks that the shutdown has cancelled, each once. */
  reportLost(): void {
    const { lost } = this.#lifecycle;
    const unreported = lost.slice(this.#reportedLost);
    if (unreported.length > 0) {
      // Those that are on their way into a queue have not settled.
      const settledLost = lost.filter(({ isSettled }) => isSettled).length;
      const finished = this.#tracker.settledCount - this.#settledBefore - settledLost;
      this.#log.lost(finished, unreported, this.options.shutdownTimeout);
      this.#reportedLost = lost.length;
    }
  }

  /** Resolves when all records are in the store, or it has failed, or `ms` are over. */
  async flushRecords(ms: number): Promise<void> {
    await this.#history.shared?.flush(ms);
  }

  closeRecords(): void {
    this.#forget();
    this.#history.shared?.stop();
  }
}
