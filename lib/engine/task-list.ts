import { notDurable } from '../durable/durable.messages.ts';
import type { Transaction } from '../durable/transaction.ts';
import { TaskArgumentError } from '../errors/task.errors.ts';
import { isDurable, type TaskCall } from '../task/call/task-call.ts';
import { assertWithinTimer, NO_OPTIONS, type TaskOptions } from '../task/definition/task-options.ts';
import { addChannel } from '../observe/channels.ts';
import { tracedAdd } from '../observe/traces.ts';
import { BackgroundTask } from '../task/handle/background-task.ts';
import { type RequestOrigin, TaskRoute } from '../task/model/task-route.ts';
import { targetOf } from '../task/model/task-target.ts';
import { Queue } from '../vendor/yocto-queue.ts';
import { isWantedAfter, type Outcome, type ResolvedTaskOptions, type TaskEntry, type TaskOwner } from './task-entry.ts';
import type { TaskControl } from '../execution/task-control.ts';
import type { TaskLifecycle } from './task-lifecycle.ts';
import type { TaskLog } from './task-log.ts';
import type { TaskTracker } from './task-tracker.ts';
import type { TurnQueue } from './turn-queue.ts';
import { type FlushContext, type UnflushedTask, UnflushedTasks } from './unflushed-tasks.ts';

/** What all lists share. */
export interface TaskListContext {
  /** Options of the application. */
  readonly defaults: ResolvedTaskOptions;
  readonly turns: TurnQueue;
  readonly lifecycle: TaskLifecycle;
  readonly tracker: TaskTracker;
  readonly flushing: FlushContext;
  readonly log: TaskLog;
  readonly control: TaskControl | undefined;
  /** Whether the messages of channels have arguments and results. */
  readonly showsArguments: boolean;
}

/** From this many tasks on, a list drops those that have settled, or are in their queue. */
const MAX_TASKS = 1_000;

// One function for all lists: a closure for each would cost a short task several percent.
let scheduleNext: (list: TaskList) => void;
let scheduleStart: (list: TaskList) => void;

/**
 * The tasks of one request, in the order in which they were added. A list is closed until its response is over; then it is
 * opened with the outcome, and runs its tasks. A task that is added to an open list joins the end.
 *
 * A deduplicated task belongs to the list that added it first, its owner. Other lists that add it become claimants: an open
 * claimant takes it over from an owner that is still closed, and if the owner skips it, the first claimant runs it.
 */
export class TaskList implements TaskOwner {
  static {
    const runNext = (list: TaskList) => list.#runNext();
    const startNext = (list: TaskList) => list.#startNext();
    // Later: a task in order waits for the one before it, and other work gets its turn between the two.
    scheduleNext = (list) => list.context.turns.scheduleLater(runNext, list);
    scheduleStart = (list) => list.context.turns.schedule(startNext, list);
  }

  /** Made with the first one: an empty array that grows takes the memory of seventeen places. */
  #tasks?: BackgroundTask[];
  #maxTasks = MAX_TASKS;
  /** Entries that run in order. */
  readonly #waiting = new Queue<TaskEntry>();
  /** Entries with `execution: 'parallel'`. Made with the first one. */
  #parallel?: Queue<TaskEntry>;
  /** Entries of other lists that this list claims. */
  #claimed?: TaskEntry[];
  #maxClaimed = MAX_TASKS;
  #unflushed?: UnflushedTasks;
  /** Entries that this list has taken over, each with the options that it was added with here. */
  #adopted?: Map<TaskEntry, ResolvedTaskOptions>;
  #isOpen = false;
  /** Whether a turn for the next entry in order is scheduled, or that entry waits for one that runs. */
  #isBusy = false;
  /** The entry in order that runs. */
  #current?: TaskEntry;
  /** Whether a turn for the next parallel entry is scheduled. */
  #isStarting = false;
  #outcome: Outcome;

  readonly route: TaskRoute | undefined;

  constructor(
    private readonly context: TaskListContext,
    readonly origin?: RequestOrigin,
  ) {
    this.route = origin && new TaskRoute(origin);
  }

  /** @throws TooManyTasksError, ShuttingDownError, TaskArgumentError, InvalidOptionError */
  add(call: TaskCall, given: TaskOptions): BackgroundTask {
    const { defaults, showsArguments } = this.context;
    const defined = call.definition?.options;
    const options = defined || given !== NO_OPTIONS ? { ...defaults, ...defined, ...given } : defaults;
    return addChannel.hasSubscribers
      ? tracedAdd(call, options, showsArguments, () => this.#add(call, given, options))
      : this.#add(call, given, options);
  }

  #add(call: TaskCall, given: TaskOptions, options: ResolvedTaskOptions): BackgroundTask {
    const { lifecycle, tracker } = this.context;
    if (isDurable(call)) {
      return this.#addDurable(call, given, options);
    }
    const { deduplication } = options;
    const duplicate = deduplication && tracker.findDuplicate(deduplication.id);
    if (duplicate) {
      this.#claim(duplicate, options);
      return duplicate.task;
    }
    assertWithinTimer(options.name ?? call.name, options);
    const admitted = lifecycle.admit(options.name === undefined ? call : { ...call, name: options.name });
    const task = new BackgroundTask(
      admitted.name,
      tracker,
      undefined,
      undefined,
      targetOf(call.definition),
      this.route,
    );
    const entry = lifecycle.enter(task, admitted, options, this);
    this.#keep(task);
    this.#enqueue(entry, options);
    if (deduplication) {
      tracker.deduplicate(deduplication.id, entry);
    }
    tracker.add(task);
    this.context.control?.added(task, call, options, this.#isOpen);
    this.#advance();
    return task;
  }

  /** Whether a flush after such an outcome has something to enqueue or to wait for. */
  mustFlush(outcome: Outcome): boolean {
    return (this.#unflushed?.mustFlush(outcome) ?? false) || this.#mustRunInline;
  }

  /**
   * Call it before the answer leaves. Flushes; under test, it can also run the tasks.
   *
   * @throws TaskQueueError; under test, what the first failed task threw
   */
  async flushForAnswer(outcome: Outcome): Promise<void> {
    await this.flush(outcome);
    if (this.#mustRunInline) {
      this.open(outcome);
      await this.#settleAll();
    }
  }

  /**
   * Enqueues the durable tasks that run after this outcome: all of them, or none. Waits also for enqueues that are in
   * flight.
   *
   * @throws TaskQueueError
   */
  flush(outcome: Outcome): Promise<void> {
    return this.#unflushed?.flush(outcome) ?? Promise.resolve();
  }

  /**
   * Enqueues the durable tasks that run on success in the application's own transaction.
   *
   * @throws TaskArgumentError if there are only tasks of this process
   * @throws TaskQueueError
   */
  async flushIn(transaction: Transaction): Promise<void> {
    if (this.#unflushed) {
      return this.#unflushed.flushIn(transaction);
    }
    const first = this.#waiting.peek() ?? this.#parallel?.peek();
    if (first) {
      throw new TaskArgumentError(notDurable('flush({ transaction })', first.task.name));
    }
  }

  /** Skips the tasks that have not started and are not in a queue. */
  discard(): void {
    this.#unflushed?.discard();
    // Checked one by one: a subscriber that hears of one skipped task can cancel the next.
    for (const entry of [...this.#waiting.drain(), ...(this.#parallel?.drain() ?? [])]) {
      if (this.#isWaiting(entry)) {
        this.#skip(entry);
      }
    }
  }

  /** The tasks in the order in which they were added. From 1,000 tasks on, settled ones may be missing. */
  get tasks(): readonly BackgroundTask[] {
    return this.#tasks ?? [];
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  open(outcome: Outcome): void {
    if (this.#isOpen) {
      // Its tasks ran inline.
      return;
    }
    this.#isOpen = true;
    this.#outcome = outcome;
    this.route?.keep();
    // An entry that runs has no claimants. An entry that this list has taken over no longer has this list as a claimant.
    this.#claimed = this.#claimed?.filter((entry) => entry.claimants?.has(this));
    for (const entry of this.#claimed ?? []) {
      this.#claim(entry, entry.claimants!.get(this)!);
    }
    this.#unflushed?.flushRest(outcome);
    this.#advance();
  }

  adopt(entry: TaskEntry, options: ResolvedTaskOptions): void {
    entry.owner = this;
    // Kept beside the entry, because the list that hands it over still reads the entry's own options.
    (this.#adopted ??= new Map()).set(entry, options);
    this.#enqueue(entry, options);
    this.#advance();
  }

  optionsOf(entry: TaskEntry): ResolvedTaskOptions {
    return this.#adopted?.get(entry) ?? entry.options;
  }

  get #mustRunInline(): boolean {
    return this.context.control?.isInline === true && !this.#isOpen && this.tasks.length > 0;
  }

  /** Waits for all tasks, also for those that they add. */
  async #settleAll(): Promise<void> {
    let failed: BackgroundTask | undefined;
    const seen = new Set<BackgroundTask>();
    const unseen = () => this.tasks.filter((task) => !seen.has(task));
    for (let tasks = unseen(); tasks.length > 0; tasks = unseen()) {
      for (const task of tasks) {
        seen.add(task);
        const { status } = await task.settled();
        failed ??= status === 'failed' ? task : undefined;
      }
    }
    if (failed) {
      throw this.context.control!.thrownBy(failed);
    }
  }

  #addDurable(call: TaskCall, given: TaskOptions, options: ResolvedTaskOptions): BackgroundTask {
    const unflushed = (this.#unflushed ??= new UnflushedTasks(
      this.context.flushing,
      this.origin,
      (refused) => this.#runHere(refused),
      () => this.#isOpen,
      this.route,
    ));
    const task = unflushed.add(call, given, options);
    this.#keep(task);
    this.context.control?.added(task, call, options, this.#isOpen);
    if (this.#isOpen) {
      unflushed.flushRest(this.#outcome);
    }
    return task;
  }

  /**
   * Runs a durable task like others, because its queue is down. The limit of the threads does not apply: `addTask` has
   * accepted the task.
   */
  #runHere({ task, call, options }: UnflushedTask): void {
    const { lifecycle, log } = this.context;
    try {
      this.#enqueue(lifecycle.enter(task, lifecycle.admitDurable(call), options, this), options);
    } catch (error) {
      // A queue can serialize what a thread can't clone.
      log.failed(task, error, call, this.origin);
      task.fail(error);
    }
    this.#advance();
  }

  /**
   * Makes this list a claimant of an entry of another list. If only the other list is still closed, this list takes the
   * entry over, so that no request waits for the response of another one that added the same task.
   */
  #claim(entry: TaskEntry, options: ResolvedTaskOptions): void {
    if (entry.isTaken) {
      return;
    }
    const claimants = (entry.claimants ??= new Map());
    if (this.#isOpen && !entry.owner.isOpen && this.#isWanted(options)) {
      // The owner becomes a claimant: its own request may still want the task.
      claimants.set(entry.owner, entry.owner.optionsOf(entry));
      claimants.delete(this);
      this.adopt(entry, options);
      // Of several claims of this list, the first counts, unless a later one runs after every outcome.
    } else if (!claimants.has(this) || options.runOn === 'always') {
      if (!claimants.has(this)) {
        this.#keepClaimed(entry);
      }
      claimants.set(this, options);
    }
  }

  // A task that adds itself again keeps one list growing for as long as the process runs.
  #keep(task: BackgroundTask): void {
    if (!this.#tasks) {
      this.#tasks = [task];
      return;
    }
    if (this.#tasks.length >= this.#maxTasks) {
      this.#tasks = this.#tasks.filter(({ isSettled, isEnqueued }) => !isSettled && !isEnqueued);
      this.#maxTasks = Math.max(MAX_TASKS, 2 * this.#tasks.length);
    }
    this.#tasks.push(task);
  }

  // Nobody tells a claimant that an entry has begun elsewhere.
  #keepClaimed(entry: TaskEntry): void {
    this.#claimed ??= [];
    if (this.#claimed.length >= this.#maxClaimed) {
      this.#claimed = this.#claimed.filter(({ claimants }) => claimants?.has(this));
      this.#maxClaimed = Math.max(MAX_TASKS, 2 * this.#claimed.length);
    }
    this.#claimed.push(entry);
  }

  #enqueue(entry: TaskEntry, { execution }: ResolvedTaskOptions): void {
    const queue = execution === 'parallel' ? (this.#parallel ??= new Queue()) : this.#waiting;
    queue.enqueue(entry);
  }

  #advance(): void {
    if (!this.#isOpen) {
      return;
    }
    if (!this.#isBusy && this.#waiting.size > 0) {
      this.#isBusy = true;
      this.#whenAllowed(this.#waiting, scheduleNext);
    }
    if (!this.#isStarting && this.#parallel !== undefined && this.#parallel.size > 0) {
      this.#isStarting = true;
      this.#whenAllowed(this.#parallel, scheduleStart);
    }
  }

  #whenAllowed(queue: Queue<TaskEntry>, schedule: (list: TaskList) => void): void {
    const { control } = this.context;
    if (control) {
      control.whenAllowed(queue.peek()!.task, () => schedule(this));
    } else {
      schedule(this);
    }
  }

  /** Starts the next parallel entry. One a call: the lists of other requests get their turns in between. */
  #startNext(): void {
    // `discard` may have taken it out in the meantime.
    const entry = this.#parallel!.dequeue();
    if (entry) {
      if (this.#isWaiting(entry)) {
        this.#run(entry);
      } else {
        this.#leave(entry);
      }
    }
    this.#isStarting = false;
    this.#advance();
  }

  /** Runs the next entry in order. */
  #runNext(): void {
    const entry = this.#waiting.dequeue();
    if (!entry) {
      this.#isBusy = false;
      return;
    }
    this.#current = entry;
    if (this.#isWaiting(entry)) {
      this.#run(entry);
    } else {
      this.ended(entry);
    }
  }

  #run(entry: TaskEntry): void {
    if (this.#isWanted(this.optionsOf(entry))) {
      this.context.lifecycle.run(entry);
    } else {
      this.#skip(entry);
      this.ended(entry);
    }
  }

  ended(entry: TaskEntry): void {
    const { onFailure } = this.optionsOf(entry);
    this.#leave(entry);
    if (entry !== this.#current) {
      return;
    }
    this.#current = undefined;
    if (onFailure === 'stop' && entry.task.currentStatus === 'failed') {
      this.#skipWaiting(entry);
    }
    this.#isBusy = false;
    this.#advance();
  }

  /** Drops the options of an entry, unless it runs here: a list that has taken an entry over twice has it in both queues. */
  #leave(entry: TaskEntry): void {
    if (entry.owner !== this || entry.task.isSettled) {
      this.#adopted?.delete(entry);
    }
  }

  /** @returns false if a claimant takes the entry over instead */
  #skip(entry: TaskEntry): boolean {
    const [next] = entry.claimants ?? [];
    if (!next) {
      this.context.lifecycle.skip(entry);
      return true;
    }
    const [claimant, options] = next;
    entry.claimants!.delete(claimant);
    claimant.adopt(entry, options);
    return false;
  }

  #isWaiting({ task, owner, isTaken }: TaskEntry): boolean {
    return task.currentStatus === 'pending' && owner === this && !isTaken;
  }

  #isWanted(options: ResolvedTaskOptions): boolean {
    return isWantedAfter(this.#outcome, options);
  }

  #skipWaiting(failed: TaskEntry): void {
    // This list can have taken one of them over once more, as a parallel one: see `#claim`.
    const waiting = [...this.#waiting.drain()].filter((entry) => this.optionsOf(entry).execution !== 'parallel');
    for (const { claimants } of [...waiting, ...(this.#claimed ?? [])]) {
      if (claimants?.get(this)?.execution !== 'parallel') {
        claimants?.delete(this);
      }
    }
    this.#claimed = this.#claimed?.filter(({ claimants }) => claimants?.has(this));
    // Checked one by one: a subscriber that hears of one skipped task can cancel the next.
    const skipped = waiting.filter((entry) => this.#isWaiting(entry) && this.#skip(entry));
    const tasks = skipped.filter((entry) => this.#isWanted(this.optionsOf(entry))).map(({ task }) => task);
    if (tasks.length > 0) {
      this.context.log.skipped(failed.task, failed.call, tasks, this.origin);
    }
  }
}
