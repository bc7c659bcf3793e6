/*
 * A queue keeps durable tasks, claims them and decides about retries. The engine runs functions. This port joins the two:
 * for each claimed task, the queue's adapter calls `AttemptRunner.run` once and tells the queue how the attempt ended.
 * As for every task, the engine applies the timeout, counts the task in the statistics and reports its events.
 * Adapters inject AttemptRunner and know nothing else of the engine.
 */
import type { TaskCall } from '../task/call/task-call.ts';
import type { TaskOptions } from '../task/definition/task-options.ts';
import { BackgroundTask, type RestoredTask } from '../task/handle/background-task.ts';
import type { TaskCarrier } from '../task/model/task-carrier.ts';

/** One attempt of a durable task, as the adapter passes it to the engine. */
export interface DurableAttempt {
  readonly call: TaskCall;
  readonly restored: RestoredTask;
  readonly options: TaskOptions;
  /** What `TaskQueue.enqueue` was given. */
  readonly carrier?: TaskCarrier | undefined;
  /** As `TaskQueue.isTraced`. */
  readonly isTraced?: boolean;
  readonly observer: {
    /** Called just before the function of the task is called: until then the task waits, although it was claimed. */
    began(task: BackgroundTask): void;
    /** Called when the task's progress changes. Writes it to the queue. */
    progressed(task: BackgroundTask): void;
  };
}

/** How an attempt ended, and so what the adapter tells the queue. */
export type AttemptResult =
  | { readonly status: 'completed'; readonly result: unknown }
  /** `isWorthAnother`: whether the task's options allow a retry. The queue counts the attempts that are left. */
  | { readonly status: 'failed'; readonly error: unknown; readonly isWorthAnother: boolean }
  | { readonly status: 'cancelled'; readonly error: Error }
  /** The application closed before the task settled. The adapter releases the task, and another process runs it. */
  | { readonly status: 'released' };

/** An attempt that has begun. */
export interface RunningAttempt {
  /** Its `cancel()` ends the attempt. */
  readonly task: BackgroundTask;
  /** Never rejects. */
  readonly result: Promise<AttemptResult>;
}

/** Runs one attempt of a durable task in this process. The engine implements it. */
export abstract class AttemptRunner {
  /** @throws TaskArgumentError if this application can't call the task */
  abstract run(attempt: DurableAttempt): RunningAttempt;
}
