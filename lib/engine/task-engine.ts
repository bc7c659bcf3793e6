import { Inject, Injectable } from '@nestjs/common';
import { AttemptRunner, type DurableAttempt, type RunningAttempt } from '../durable/attempt-runner.ts';
import { TaskQueueHost } from '../durable/task-queue-host.ts';
import { EventLoopExecutor } from '../execution/event-loop.executor.ts';
import { ProviderResolver } from '../execution/provider-resolver.ts';
import { BackgroundTasksOptions } from '../options/background-tasks.options.ts';
import { SharedRecords } from '../records/shared-records.ts';
import { TaskHistory } from '../records/task-history.ts';
import type { BackgroundTask, TaskIds } from '../task/handle/background-task.ts';
import type { TaskStats } from '../task/model/task-stats.ts';
import { ThreadExecutor } from '../threads/thread.executor.ts';
import { Admission } from './admission.ts';
import { runDurable } from './durable-attempt.ts';
import { FairSlots } from './fair-slots.ts';
import { TaskLifecycle } from './task-lifecycle.ts';
import { TaskList, type TaskListContext } from './task-list.ts';
import { type Origin, TaskLog } from './task-log.ts';
import { TaskTracker } from './task-tracker.ts';
import { TurnQueue } from './turn-queue.ts';

/** Makes the lists of one application, and all that they share. */
@Injectable()
export class TaskEngine extends AttemptRunner {
  readonly tracker: TaskTracker;
  readonly history: TaskHistory;
  readonly admission: Admission;
  readonly life: TaskLifecycle;
  readonly log: TaskLog;
  readonly eventLoop: EventLoopExecutor;
  readonly threads: ThreadExecutor;
  readonly #ids: TaskIds = new Map();
  readonly #context: TaskListContext;

  constructor(
    @Inject(BackgroundTasksOptions) options: BackgroundTasksOptions,
    providers: ProviderResolver,
    queues: TaskQueueHost,
  ) {
    super();
    const { execution, runOn, onFailure, defaults, concurrency, history, store } = options;
    const log = (this.log = new TaskLog(options.blockingThreshold));
    const shared = store && new SharedRecords(store, history.ttl, log);
    this.history = new TaskHistory(history.max, history.ttl, shared);
    this.tracker = new TaskTracker(this.history, (error) => log.subscriberThrew(error));
    this.admission = new Admission(options.maxPending, this.tracker);
    this.eventLoop = new EventLoopExecutor(providers, (call, busy) => log.returned(call, busy));
    this.threads = new ThreadExecutor(options.pool, (error) => log.threadLost(error));
    const turns = new TurnQueue();
    this.life = new TaskLifecycle({
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

  /** The attempt is this process's for as long as it lasts. */
  run(attempt: DurableAttempt): RunningAttempt {
    return runDurable(attempt, this.life, this.tracker, this.#ids, this.#context.defaults);
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
