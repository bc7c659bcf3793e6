import Queue from 'yocto-queue';
import type { TaskCall } from '../task/call/task-call.ts';
import { NO_OPTIONS, type TaskOptions } from '../task/definition/task-options.ts';
import { BackgroundTask, type TaskIds } from '../task/handle/background-task.ts';
import { isWantedAfter, type Outcome, type TaskEntry, type ResolvedTaskOptions, type TaskOwner } from './task-entry.ts';
import type { TaskLifecycle } from './task-lifecycle.ts';
import type { Origin, TaskLog } from './task-log.ts';
import type { TurnQueue } from './turn-queue.ts';
import { type FlushContext, UnflushedTasks, type UnflushedTask } from './unflushed-tasks.ts';

/** What lists share: how tasks go where nothing else is said of them, and where they go. */
export interface TaskListContext {
  readonly ids: TaskIds;
  readonly execution: 'sequential' | 'parallel';
  /** What holds for a task of which nothing else is said. */
  readonly defaults: ResolvedTaskOptions;
  readonly turns: TurnQueue;
  readonly life: TaskLifecycle;
  readonly storing: FlushContext;
  readonly log: TaskLog;
}

/** From so many on, a list lets go of tasks that have come to their end. */
const MAX_TASKS = 1_000;

/**
 * Tasks that belong together, in the order in which they were added. Nothing runs before the list is opened; what is
 * added later joins the end, and starts at once where that was reached.
 */
export class TaskList implements TaskOwner {
  #tasks: BackgroundTask[] = [];
  #maxTasks = MAX_TASKS;
  readonly #waiting = new Queue<TaskEntry>();
  /** Tasks of other lists that were wanted here too. */
  #wanted: TaskEntry[] = [];
  #toStore?: UnflushedTasks;
  /** Tasks of other lists that are run here, with what holds for them here. */
  #adopted?: Map<TaskEntry, ResolvedTaskOptions>;
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
    const defined = call.definition?.options;
    const options = defined || given !== NO_OPTIONS ? { ...defaults, ...defined, ...given } : defaults;
    if (call.definition?.queue !== undefined || call.before) {
      return this.#addToStore(call, given, options);
    }
    const duplicate = life.findDuplicate(options);
    if (duplicate) {
      this.#want(duplicate, options);
      return duplicate.task;
    }
    const admitted = life.admit(options.name === undefined ? call : { ...call, name: options.name });
    const task = new BackgroundTask(admitted.name, this.context.ids);
    const queued: TaskEntry = {
      task,
      call: admitted,
      options,
      addedAt: performance.now(),
      list: this,
      isTaken: false,
    };
    this.#keep(task);
    this.#waiting.enqueue(queued);
    life.add(queued);
    this.#advance();
    return task;
  }

  /** Whether it has durable tasks that are not in their queue yet. */
  get hasUnflushed(): boolean {
    return this.#toStore?.isEmpty === false;
  }

  /**
   * Enqueues the durable tasks that run after such an outcome: all, or none.
   *
   * @throws TaskQueueError
   */
  async flush(outcome: Outcome): Promise<void> {
    await this.#toStore?.store(outcome);
  }

  /** What was added; of very many, those that have not come to their end. */
  get tasks(): readonly BackgroundTask[] {
    return this.#tasks;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  open(outcome: Outcome): void {
    this.#isOpen = true;
    this.#outcome = outcome;
    // None of those that run already, or that were handed on.
    this.#wanted = this.#wanted.filter((queued) => queued.claimants?.has(this));
    for (const queued of this.#wanted) {
      this.#want(queued, queued.claimants!.get(this)!);
    }
    void this.#toStore?.storeRest(outcome);
    this.#advance();
  }

  /** Takes over a task of another list that is not to run there, or can't yet. */
  adopt(queued: TaskEntry, options: ResolvedTaskOptions): void {
    queued.list = this;
    // Apart, since the list from which it comes still goes by its own.
    (this.#adopted ??= new Map()).set(queued, options);
    this.#waiting.enqueue(queued);
    this.#advance();
  }

  #addToStore(call: TaskCall, given: TaskOptions, options: ResolvedTaskOptions): BackgroundTask {
    const { storing } = this.context;
    const toStore = (this.#toStore ??= new UnflushedTasks(storing, this.origin, (tasks) => this.#runHere(tasks)));
    const task = toStore.add(call, given, options);
    this.#keep(task);
    if (this.#isOpen) {
      void toStore.storeRest(this.#outcome);
    }
    return task;
  }

  /** What could not be stored, as if it had never been meant to be. */
  #runHere(tasks: readonly UnflushedTask[]): void {
    for (const { task, call, options } of tasks) {
      const queued = { task, call, options, addedAt: performance.now(), list: this, isTaken: false };
      this.#waiting.enqueue(queued);
      this.context.life.adopt(queued);
    }
    this.#advance();
  }

  optionsOf(queued: TaskEntry): ResolvedTaskOptions {
    return this.#adopted?.get(queued) ?? queued.options;
  }

  /** Nobody is to wait for another request because both want the same. */
  #want(queued: TaskEntry, options: ResolvedTaskOptions): void {
    if (queued.isTaken) {
      return;
    }
    const claimants = (queued.claimants ??= new Map());
    if (this.#isOpen && !queued.list.isOpen && this.#isWanted(options)) {
      // Which may still want it, if it is not to run here in the end.
      claimants.set(queued.list, queued.list.optionsOf(queued));
      claimants.delete(this);
      this.adopt(queued, options);
    } else if (!claimants.has(this) || options.runOn === 'always') {
      if (!claimants.has(this)) {
        this.#wanted.push(queued);
      }
      claimants.set(this, options);
    }
  }

  // A task that adds itself again goes on in the same list for as long as the process runs.
  #keep(task: BackgroundTask): void {
    if (this.#tasks.length >= this.#maxTasks) {
      this.#tasks = this.#tasks.filter(({ isSettled }) => !isSettled);
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
      const isStopped = queued.task.status === 'failed' && this.optionsOf(queued).onFailure === 'stop';
      this.#adopted?.delete(queued);
      if (isStopped) {
        this.#skipWaiting(queued);
      }
      this.#isWalking = false;
      this.#advance();
    });
  };

  #run(queued: TaskEntry, onEnd: () => void): void {
    if (!this.#isWaiting(queued)) {
      onEnd();
      return;
    }
    const options = this.optionsOf(queued);
    if (this.#isWanted(options)) {
      queued.isTaken = true;
      queued.claimants = undefined;
      this.context.life.run(options === queued.options ? queued : { ...queued, options }, onEnd, this.origin);
    } else {
      this.#skip(queued);
      onEnd();
    }
  }

  /** @returns whether nobody else wanted it */
  #skip(queued: TaskEntry): boolean {
    const [next] = queued.claimants ?? [];
    if (!next) {
      this.context.life.skip(queued);
      return true;
    }
    const [claimant, options] = next;
    queued.claimants!.delete(claimant);
    claimant.adopt(queued, options);
    return false;
  }

  #isWaiting({ task, list, isTaken }: TaskEntry): boolean {
    return task.status === 'pending' && list === this && !isTaken;
  }

  #isWanted(options: ResolvedTaskOptions): boolean {
    return isWantedAfter(this.#outcome, options);
  }

  #skipWaiting(failed: TaskEntry): void {
    const waiting = [...this.#waiting.drain()];
    for (const { claimants } of [...waiting, ...this.#wanted]) {
      claimants?.delete(this);
    }
    this.#wanted = [];
    // One after the other, since whoever is told that one is skipped can cancel the next.
    const skipped = waiting.filter((queued) => this.#isWaiting(queued) && this.#skip(queued));
    const tasks = skipped.filter((queued) => this.#isWanted(this.optionsOf(queued))).map(({ task }) => task);
    if (tasks.length > 0) {
      this.context.log.skipped(failed.task, failed.call, tasks, this.origin);
    }
  }
}
