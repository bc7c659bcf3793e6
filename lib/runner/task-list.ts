import Queue from 'yocto-queue';
import { BackgroundTask } from '../task/background-task.ts';
import type { TaskCall } from '../task/task-call.ts';
import type { OnFailure, RunOn, TaskOptions } from '../task/task-options.ts';
import type { QueuedTask } from './queued-task.ts';
import type { TaskLife } from './task-life.ts';
import type { Origin, TaskLog } from './task-log.ts';
import type { TurnQueue } from './turn-queue.ts';

/** Whether the request to which a list belongs went well; `undefined` where there is no request. */
export type Outcome = 'success' | 'failure' | undefined;

/** What lists share: how tasks go where nothing else is said of them, and where they go. */
export interface TaskListContext {
  readonly execution: 'sequential' | 'parallel';
  readonly runOn: RunOn;
  readonly onFailure: OnFailure;
  readonly turns: TurnQueue;
  readonly life: TaskLife;
  readonly log: TaskLog;
}

/**
 * Tasks that belong together, in the order in which they were added. Nothing runs before the list is opened; what is
 * added later joins the end, and starts at once where that was reached.
 */
export class TaskList {
  /** All that were added. */
  readonly tasks: BackgroundTask[] = [];
  readonly #waiting = new Queue<QueuedTask>();
  #isOpen = false;
  #isWalking = false;
  #outcome: Outcome;

  constructor(
    private readonly context: TaskListContext,
    private readonly origin?: Origin,
  ) {}

  add(call: TaskCall, options: TaskOptions): BackgroundTask {
    const { runOn = this.context.runOn, onFailure = this.context.onFailure, name } = options;
    const named = name === undefined ? call : { ...call, name };
    const queued: QueuedTask = { task: new BackgroundTask(named.name), call: named, runOn, onFailure };
    this.tasks.push(queued.task);
    this.#waiting.enqueue(queued);
    this.context.life.add(queued);
    this.#advance();
    return queued.task;
  }

  open(outcome: Outcome): void {
    this.#isOpen = true;
    this.#outcome = outcome;
    this.#advance();
  }

  #advance(): void {
    if (!this.#isOpen) {
      return;
    }
    if (this.context.execution === 'parallel') {
      for (const queued of this.#waiting.drain()) {
        this.context.turns.schedule(() => void this.#run(queued));
      }
    } else if (!this.#isWalking && this.#waiting.size > 0) {
      this.#isWalking = true;
      this.context.turns.schedule(this.#walk);
    }
  }

  readonly #walk = async (): Promise<void> => {
    const queued = this.#waiting.dequeue()!;
    await this.#run(queued);
    if (queued.task.status === 'failed' && queued.onFailure === 'stop') {
      this.#skipWaiting(queued);
    }
    this.#isWalking = false;
    this.#advance();
  };

  async #run(queued: QueuedTask): Promise<void> {
    if (this.#outcome === undefined || queued.runOn === 'always' || queued.runOn === this.#outcome) {
      await this.context.life.run(queued, this.origin);
    } else {
      this.context.life.skip(queued);
    }
  }

  #skipWaiting(failed: QueuedTask): void {
    const skipped = [...this.#waiting.drain()];
    for (const queued of skipped) {
      this.context.life.skip(queued);
    }
    if (skipped.length > 0) {
      const tasks = skipped.map(({ task }) => task);
      this.context.log.skipped(failed.task, failed.call, tasks, this.origin);
    }
  }
}
