import type { TaskOptions } from '../task/definition/task-options.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import type { TaskCarrier } from '../task/model/task-carrier.ts';
import type { TaskEvent, TaskEventType } from '../task/model/task-event.ts';
import type { TaskRecord } from '../task/model/task-record.ts';
import { targetOf, type TaskTarget } from '../task/model/task-target.ts';

/** What the messages about one task have in common. */
interface TaskMessage {
  /** The id of the task. Reading it costs less than reading the record. */
  readonly id: string;
  readonly name: string;
  readonly target: TaskTarget;
  /** The queue of a durable task. */
  readonly queue?: string | undefined;
  /**
   * The record as it is now, made when it is first read.
   *
   * It has a `result` only with `observe: { arguments: true }`.
   */
  readonly task: TaskRecord;
}

/**
 * Describes the message of `nestjs-background-tasks.add`.
 *
 * @since 0.1.0
 */
export interface TaskAddMessage extends Omit<TaskMessage, 'id' | 'task'> {
  /** The id of the task, from `end` on, unless the task was refused. For a duplicate: the id of the first task. */
  readonly id?: string | undefined;
  /** The record of the task that `id` names. */
  readonly task?: TaskRecord | undefined;
  /**
   * The options of the task, merged.
   *
   * Those of the call override those of the definition, which override the defaults of the module.
   */
  readonly options: Readonly<TaskOptions>;
  /** Only with `observe: { arguments: true }`. */
  readonly arguments?: readonly unknown[] | undefined;
  /** Why the task was refused. */
  readonly error?: unknown;
}

/**
 * Describes the message of `nestjs-background-tasks.enqueue`: one flush.
 *
 * @since 0.1.0
 */
export interface TaskEnqueueMessage {
  /** The records of the tasks, made when they are first read. */
  readonly tasks: readonly TaskRecord[];
  readonly ids: readonly string[];
  /** The different queues of the tasks. */
  readonly queues: readonly string[];
  /** Empty at first. What a subscriber of `start` writes into it travels with each of the tasks. */
  readonly carrier: TaskCarrier;
  /** Whether the queue makes spans of its own for what it enqueues and runs. */
  readonly isTracedByQueue: boolean;
  /** Why no task was enqueued. */
  readonly error?: unknown;
}

/**
 * Describes the message of `nestjs-background-tasks.attempt`.
 *
 * @since 0.1.0
 */
export interface TaskAttemptMessage extends TaskMessage {
  /** The number of the attempt: 1 for the first. */
  readonly attempt: number;
  /** Where the function runs. A durable task can run in a thread too. */
  readonly runsIn: 'event-loop' | 'thread';
  /**
   * Holds what came with a durable task from the process that enqueued it.
   *
   * Empty for other tasks. If a thread runs the attempt, what a subscriber of `start` writes into it travels to the thread.
   */
  readonly carrier: TaskCarrier;
  /** Whether this message is published in the thread. */
  readonly isInThread: boolean;
  /** Whether the queue of the task makes spans of its own. */
  readonly isTracedByQueue: boolean;
  /** Only with `observe: { arguments: true }`. */
  readonly arguments?: readonly unknown[] | undefined;
  /** What the function returned. Only with `observe: { arguments: true }`. */
  readonly result?: unknown;
  /** What the function threw, or the `TaskTimeoutError` or `TaskCancelledError` that ended the attempt. */
  readonly error?: unknown;
}

/**
 * Describes the message of `nestjs-background-tasks.step`.
 *
 * It is what `TaskRunner.events` emits, with the target of the task.
 *
 * @since 0.1.0
 */
export type TaskStepMessage = TaskEvent & TaskMessage;

/** The record of a task. It has the result only if messages show arguments and results. */
export function shownRecord(task: BackgroundTask, showsArguments: boolean): TaskRecord {
  const record = task.toRecordWithRoute();
  if (!showsArguments) {
    delete record.result;
  }
  return record;
}

// Classes, because a getter in an object literal costs more than all the rest of a message.

/** A message about the task of a handle. */
abstract class HandleMessage implements TaskMessage {
  readonly name: string;
  readonly target: TaskTarget;
  readonly queue: string | undefined;
  readonly #task: BackgroundTask;
  readonly #showsArguments: boolean;
  #record?: TaskRecord;

  constructor(task: BackgroundTask, showsArguments: boolean) {
    this.name = task.name;
    this.target = task.target;
    this.queue = task.queue;
    this.#task = task;
    this.#showsArguments = showsArguments;
  }

  get id(): string {
    return this.#task.id;
  }

  get task(): TaskRecord {
    return (this.#record ??= shownRecord(this.#task, this.#showsArguments));
  }
}

/** What the message about an attempt says beside its task. */
export interface TracedAttempt {
  readonly attempt: number;
  readonly runsIn: 'event-loop' | 'thread';
  readonly carrier: TaskCarrier;
  readonly isTracedByQueue: boolean;
  readonly args: readonly unknown[];
}

export class AttemptMessage extends HandleMessage implements TaskAttemptMessage {
  readonly attempt: number;
  readonly runsIn: 'event-loop' | 'thread';
  readonly carrier: TaskCarrier;
  readonly isInThread = false;
  readonly isTracedByQueue: boolean;
  readonly arguments?: readonly unknown[];
  result?: unknown;
  error?: unknown;

  constructor(task: BackgroundTask, showsArguments: boolean, traced: TracedAttempt) {
    super(task, showsArguments);
    this.attempt = traced.attempt;
    this.runsIn = traced.runsIn;
    this.carrier = traced.carrier;
    this.isTracedByQueue = traced.isTracedByQueue;
    if (showsArguments) {
      this.arguments = traced.args;
    }
  }
}

export class StepMessage extends HandleMessage {
  readonly type: TaskEventType;
  readonly wait: number | undefined;
  readonly run: number | undefined;
  readonly delay: number | undefined;

  constructor(task: BackgroundTask, showsArguments: boolean, type: TaskEventType, times: StepTimes) {
    super(task, showsArguments);
    this.type = type;
    this.wait = times.wait;
    this.run = times.run;
    this.delay = times.delay;
  }
}

/** The times of a step, in ms: see `TaskEvent`. */
export interface StepTimes {
  readonly wait?: number;
  readonly run?: number;
  readonly delay?: number | undefined;
}

export class AddMessage implements TaskAddMessage {
  readonly name: string;
  readonly target: TaskTarget;
  readonly queue: string | undefined;
  readonly options: TaskOptions;
  readonly arguments?: readonly unknown[];
  error?: unknown;
  readonly #showsArguments: boolean;
  #added?: BackgroundTask;
  #record?: TaskRecord;

  constructor({ name, definition, args }: AddedCall, options: TaskOptions, showsArguments: boolean) {
    this.target = targetOf(definition);
    this.queue = definition?.queue;
    // Every process knows a durable task by the name of its definition, so the name of a call does not count.
    this.name = this.queue === undefined ? (options.name ?? name) : name;
    this.options = options;
    this.#showsArguments = showsArguments;
    if (showsArguments) {
      this.arguments = args;
    }
  }

  get id(): string | undefined {
    return this.#added?.id;
  }

  get task(): TaskRecord | undefined {
    return this.#added && (this.#record ??= shownRecord(this.#added, this.#showsArguments));
  }

  added(task: BackgroundTask): void {
    this.#added = task;
  }
}

/** What a message says of the call that adds a task. */
interface AddedCall {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly definition: { readonly queue?: string | undefined; readonly thread: unknown } | undefined;
}

export class EnqueueMessage implements TaskEnqueueMessage {
  readonly carrier: TaskCarrier = {};
  readonly isTracedByQueue: boolean;
  error?: unknown;
  readonly #tasks: readonly BackgroundTask[];
  readonly #showsArguments: boolean;
  #records?: readonly TaskRecord[];

  constructor(tasks: readonly BackgroundTask[], showsArguments: boolean, isTracedByQueue: boolean) {
    this.#tasks = tasks;
    this.#showsArguments = showsArguments;
    this.isTracedByQueue = isTracedByQueue;
  }

  get tasks(): readonly TaskRecord[] {
    return (this.#records ??= this.#tasks.map((task) => shownRecord(task, this.#showsArguments)));
  }

  get ids(): readonly string[] {
    return this.#tasks.map(({ id }) => id);
  }

  get queues(): readonly string[] {
    return [...new Set(this.#tasks.map(({ queue }) => queue!))];
  }
}
