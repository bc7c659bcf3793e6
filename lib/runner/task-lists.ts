import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { BackgroundTasksOptions } from '../background-tasks.options.ts';
import { EventLoopExecutor } from '../executors/event-loop.executor.ts';
import { ThreadExecutor } from '../executors/thread.executor.ts';
import { TaskLife } from './task-life.ts';
import { TaskList, type TaskListContext } from './task-list.ts';
import { TaskLog, type Origin } from './task-log.ts';
import { TaskTracker } from './task-tracker.ts';
import { TurnQueue } from './turn-queue.ts';

/** Makes the lists of one application, which share its options, its turns and its tracker. */
@Injectable()
export class TaskLists implements OnApplicationShutdown {
  readonly tracker = new TaskTracker();
  readonly #context: TaskListContext;
  readonly #threads: ThreadExecutor;

  constructor(
    @Inject(BackgroundTasksOptions) { execution, runOn, onFailure, blockingThreshold, pool }: BackgroundTasksOptions,
  ) {
    const log = new TaskLog(blockingThreshold);
    const eventLoop = new EventLoopExecutor((call, busy) => log.returned(call, busy));
    this.#threads = new ThreadExecutor(pool, (error) => log.threadLost(error));
    const life = new TaskLife({ eventLoop, threads: this.#threads }, this.tracker, log);
    this.#context = { execution, defaults: { runOn, onFailure }, turns: new TurnQueue(), life, log };
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

  onApplicationShutdown(): Promise<void> {
    return this.#threads.close();
  }
}
