import { toDurableTask } from '../durable/durable-task.ts';
import type { TaskQueueHost } from '../durable/task-queue-host.ts';
import { TaskCancelledError } from '../errors/task.errors.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import type { TaskOptions } from '../task/definition/task-options.ts';
import { BackgroundTask, type TaskIds } from '../task/handle/background-task.ts';
import type { Admission } from './admission.ts';
import { isWantedAfter, type Outcome, type ResolvedTaskOptions } from './task-entry.ts';
import type { Origin, TaskLog } from './task-log.ts';
import type { TaskTracker } from './task-tracker.ts';

/** What lists with tasks to store share. */
export interface FlushContext {
  readonly queues: TaskQueueHost;
  readonly ids: TaskIds;
  readonly admission: Admission;
  readonly tracker: TaskTracker;
  readonly log: TaskLog;
  /** What holds for a task of which nothing else is said. */
  readonly defaults: ResolvedTaskOptions;
}

/** A task that is to be stored. */
export interface UnflushedTask {
  readonly task: BackgroundTask;
  readonly call: TaskCall;
  readonly options: ResolvedTaskOptions;
  readonly prepared: unknown;
}

/** Those tasks of one list that are to be stored, until they are. */
export class UnflushedTasks {
  #waiting: UnflushedTask[] = [];

  /** @param runHere is given what is to run in this process because it can't be stored */
  constructor(
    private readonly context: FlushContext,
    private readonly origin: Origin | undefined,
    private readonly runHere: (tasks: readonly UnflushedTask[]) => void,
  ) {}

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** @throws UnavailableError, TaskArgumentError */
  add(call: TaskCall, given: TaskOptions, options: ResolvedTaskOptions): BackgroundTask {
    const { queues, admission, tracker, ids, defaults } = this.context;
    // By which any process knows it: not what this call would have it named.
    const { name } = call;
    const queue = queues.of(call);
    admission.check(name);
    const task = new BackgroundTask(name, ids);
    const prepared = queue.prepare(toDurableTask(task, call, given, defaults));
    const waiting = { task, call, options, prepared };
    this.#waiting.push(waiting);
    tracker.accepted(task);
    task.onCancel((reason) => {
      this.#waiting = this.#waiting.filter((it) => it !== waiting);
      task.stop(new TaskCancelledError(task.name, reason));
      tracker.settled(task, 'cancelled', false);
      return true;
    });
    return task;
  }

  /**
   * Stores those that run after such an outcome, in one go: all or none.
   *
   * @throws TaskQueueError
   */
  async store(outcome: Outcome): Promise<void> {
    const wanted = this.#take((options) => isWantedAfter(outcome, options));
    if (wanted.length === 0) {
      return;
    }
    const { queues, tracker, log } = this.context;
    const queue = queues.current!;
    const cancelled = new Set<BackgroundTask>();
    for (const { task } of wanted) {
      // It can't be told any more whether it has been stored: that has to be known first.
      task.onCancel(() => Boolean(cancelled.add(task)));
    }
    try {
      const ids = await queue.enqueue(wanted.map(({ prepared }) => prepared));
      wanted.forEach(({ task }, i) => {
        task.stored(ids[i]!, queue);
        tracker.stored(task);
        if (cancelled.has(task)) {
          task.cancel();
        }
      });
    } catch (error) {
      // What runs here has nobody to hand on its results.
      const isRunHere = queues.onUnavailable === 'run-here' && wanted.every(({ call }) => !call.before);
      log.notStored(
        wanted.map(({ task }) => task),
        isRunHere,
        error,
        this.origin,
      );
      if (isRunHere) {
        this.runHere(wanted);
        return;
      }
      for (const { task } of wanted) {
        task.fail(error);
        tracker.settled(task, 'failed', false);
      }
      throw error;
    }
  }

  /** Stores what is wanted after all, where nobody waits for it any more, and skips the rest. */
  async storeRest(outcome: Outcome): Promise<void> {
    for (const { task } of this.#take((options) => !isWantedAfter(outcome, options))) {
      task.skip();
      this.context.tracker.settled(task, 'skipped', false);
    }
    // Those who are to know of its failure do: the log, and whoever has the handles.
    await this.store(outcome).catch(() => undefined);
  }

  /** Those of which it is true wait no longer. */
  #take(isTaken: (options: ResolvedTaskOptions) => boolean): UnflushedTask[] {
    const taken: UnflushedTask[] = [];
    const left: UnflushedTask[] = [];
    for (const it of this.#waiting) {
      (isTaken(it.options) ? taken : left).push(it);
    }
    this.#waiting = left;
    return taken;
  }
}
