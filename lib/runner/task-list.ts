import Queue from 'yocto-queue';
import { BackgroundTask } from '../task/background-task.ts';
import type { TaskCall } from '../task/task-call.ts';
import type { TaskOptions } from '../task/task-options.ts';
import type { Heir, QueuedTask, ResolvedTaskOptions } from './queued-task.ts';
import type { TaskLife } from './task-life.ts';
import type { Origin, TaskLog } from './task-log.ts';
import type { TurnQueue } from './turn-queue.ts';

/** Whether the request to which a list belongs went well; `undefined` where there is no request. */
export type Outcome = 'success' | 'failure' | undefined;

/** What lists share: how tasks go where nothing else is said of them, and where they go. */
export interface TaskListContext {
  readonly execution: 'sequential' | 'parallel';
  /** What holds for a task of which nothing else is said. */
  readonly defaults: ResolvedTaskOptions;
  readonly turns: TurnQueue;
  readonly life: TaskLife;
  readonly log: TaskLog;
}

/** From so many on, a list lets go of tasks that have come to their end. */
const MAX_TASKS = 1_000;

/**
 * Tasks that belong together, in the order in which they were added. Nothing runs before the list is opened; what is
 * added later joins the end, and starts at once where that was reached.
 */
export class TaskList {
  #tasks: BackgroundTask[] = [];
  #maxTasks = MAX_TASKS;
  readonly #waiting = new Queue<QueuedTask>();
  #isOpen = false;
  #isWalking = false;
  #outcome: Outcome;

  constructor(
    private readonly context: TaskListContext,
    private readonly origin?: Origin,
  ) {}

  /** @throws TooManyTasksError, TaskArgumentError */
  add(call: TaskCall, given: TaskOptions): BackgroundTask {
    const { defaults, life } = this.context;
    const options = { ...defaults, ...call.definition?.options, ...given };
    const duplicate = life.findDuplicate(options);
    if (duplicate) {
      duplicate.heirs.push({ list: this, options });
      return duplicate.task;
    }
    const admitted = life.admit(options.name === undefined ? call : { ...call, name: options.name });
    const task = new BackgroundTask(admitted.name);
    const queued: QueuedTask = { task, call: admitted, options, addedAt: performance.now(), owner: this, heirs: [] };
    this.#keep(task);
    this.#waiting.enqueue(queued);
    life.add(queued);
    this.#advance();
    return task;
  }

  /** What was added; of very many, those that have not come to their end. */
  get tasks(): readonly BackgroundTask[] {
    return this.#tasks;
  }

  open(outcome: Outcome): void {
    this.#isOpen = true;
    this.#outcome = outcome;
    this.#advance();
  }

  /** Takes over a task of another list that was not to run there. */
  adopt(queued: QueuedTask, options: ResolvedTaskOptions): void {
    this.#waiting.enqueue({ ...queued, options, owner: this });
    this.#advance();
  }

  // A task that adds itself again goes on in the same list for as long as the process runs.
  #keep(task: BackgroundTask): void {
    if (this.#tasks.length >= this.#maxTasks) {
      this.#tasks = this.#tasks.filter(({ finishedAt }) => !finishedAt);
      this.#maxTasks = Math.max(MAX_TASKS, 2 * this.#tasks.length);
    }
    this.#tasks.push(task);
  }

  #advance(): void {
    if (this.#isOpen && !this.#isWalking && this.#waiting.size > 0) {
      this.#isWalking = true;
      this.context.turns.schedule(this.context.execution === 'parallel' ? this.#startOne : this.#runOne);
    }
  }

  // One at a time here too, so that the lists of other requests get theirs in between.
  readonly #startOne = (): void => {
    this.#run(this.#waiting.dequeue()!, () => undefined);
    this.#isWalking = false;
    this.#advance();
  };

  readonly #runOne = (): void => {
    const queued = this.#waiting.dequeue()!;
    this.#run(queued, () => {
      if (queued.task.status === 'failed' && queued.options.onFailure === 'stop') {
        this.#skipWaiting(queued);
      }
      this.#isWalking = false;
      this.#advance();
    });
  };

  #run(queued: QueuedTask, onEnd: () => void): void {
    if (queued.task.status !== 'pending') {
      onEnd();
    } else if (this.#isWanted(queued)) {
      this.context.life.run(queued, onEnd, this.origin);
    } else {
      this.#skip(queued);
      onEnd();
    }
  }

  /** @returns whether nobody else wanted it */
  #skip(queued: QueuedTask, isHeir = (_heir: Heir) => true): boolean {
    for (let heir = queued.heirs.shift(); heir; heir = queued.heirs.shift()) {
      if (isHeir(heir)) {
        heir.list.adopt(queued, heir.options);
        return false;
      }
    }
    this.context.life.skip(queued);
    return true;
  }

  #isWanted({ options: { runOn } }: QueuedTask): boolean {
    return this.#outcome === undefined || runOn === 'always' || runOn === this.#outcome;
  }

  #skipWaiting(failed: QueuedTask): void {
    const skipped = [...this.#waiting.drain()].filter((queued) => {
      // Whoever is told that one is skipped can cancel the next.
      const isWaiting = queued.task.status === 'pending';
      return isWaiting && this.#skip(queued, (heir) => heir.list !== this);
    });
    const tasks = skipped.filter((queued) => this.#isWanted(queued)).map(({ task }) => task);
    if (tasks.length > 0) {
      this.context.log.skipped(failed.task, failed.call, tasks, this.origin);
    }
  }
}
