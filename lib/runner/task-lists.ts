import { Inject, Injectable, Optional } from '@nestjs/common';
import { BackgroundTasksOptions } from '../background-tasks.options.ts';
import { EventLoopExecutor } from '../executors/event-loop.executor.ts';
import { TaskProviders } from '../executors/task-providers.ts';
import { ThreadExecutor } from '../executors/thread.executor.ts';
import { runStored, type StoredRun } from '../queue/run-stored.ts';
import type { StoredOutcome } from '../queue/task-queue.ts';
import { TaskQueues } from '../queue/task-queues.ts';
import { SharedRecords } from '../registry/shared-records.ts';
import { TaskHistory } from '../registry/task-history.ts';
import type { BackgroundTask, TaskIds } from '../task/background-task.ts';
import type { TaskStats } from '../task/task-stats.ts';
import { Admission } from './admission.ts';
import { FairSlots } from './fair-slots.ts';
import { TaskLife } from './task-life.ts';
import { TaskList, type TaskListContext } from './task-list.ts';
import { TaskLog, type Origin } from './task-log.ts';
import { TaskTracker } from './task-tracker.ts';
import { TurnQueue } from './turn-queue.ts';

/** Nothing provides it but tests, which can't wait for as long as threads have to load the files of tasks. */
export const THREAD_LOAD_LIMIT = Symbol('THREAD_LOAD_LIMIT');

/** Makes the lists of one application, and all that they share. */
@Injectable()
export class TaskLists {
  readonly tracker: TaskTracker;
  readonly history: TaskHistory;
  readonly admission: Admission;
  readonly life: TaskLife;
  readonly log: TaskLog;
  readonly eventLoop: EventLoopExecutor;
  readonly threads: ThreadExecutor;
  readonly #ids: TaskIds = new Map();
  readonly #context: TaskListContext;

  constructor(
    @Inject(BackgroundTasksOptions) options: BackgroundTasksOptions,
    providers: TaskProviders,
    queues: TaskQueues,
    @Optional() @Inject(THREAD_LOAD_LIMIT) threadLoadLimit?: number,
  ) {
    const { execution, runOn, onFailure, defaults, concurrency, history, store } = options;
    const log = (this.log = new TaskLog(options.blockingThreshold));
    const shared = store && new SharedRecords(store, history.ttl, log);
    this.history = new TaskHistory(history.max, history.ttl, shared);
    this.tracker = new TaskTracker(this.history, (error) => log.subscriberThrew(error));
    this.admission = new Admission(options.maxPending, this.tracker);
    this.eventLoop = new EventLoopExecutor(providers, (call, busy) => log.returned(call, busy));
    this.threads = new ThreadExecutor(options.pool, (error) => log.threadLost(error), threadLoadLimit);
    const turns = new TurnQueue();
    this.life = new TaskLife({
      eventLoop: this.eventLoop,
      threads: this.threads,
      slots: concurrency === Infinity ? undefined : new FairSlots(concurrency),
      turns,
      admission: this.admission,
      tracker: this.tracker,
      log,
    });
    const { admission, tracker } = this;
    const all = { runOn, onFailure, ...defaults };
    this.#context = {
      ids: this.#ids,
      storing: { queues, ids: this.#ids, admission, tracker, log, defaults: all },
      execution,
      defaults: all,
      turns,
      life: this.life,
      log,
    };
  }

  get stats(): TaskStats {
    return { ...this.tracker.stats, delayed: this.life.delayed, threads: this.threads.stats };
  }

  /** A task of this process that is known, still. */
  find(id: string): BackgroundTask | undefined {
    const task = this.#ids.get(id);
    return task?.isSettled && !this.history.has(task) ? undefined : task;
  }

  /** The attempt of a stored task, which is this process's for as long as it lasts. */
  runStored(run: StoredRun): { task: BackgroundTask; outcome: Promise<StoredOutcome> } {
    return runStored(run, this.life, this.tracker, this.#ids, this.#context.defaults);
  }

  /** A list that waits until it is opened. */
  create(origin?: Origin): TaskList {
    return new TaskList(this.#context, origin);
  }

  /** A list that waits for nothing: for tasks that belong to no request. */
  createOpen(): TaskList {
    const list = this.create();
    list.open(undefined);
    return list;
  }
}
