import type { TaskCall } from '../task/call/task-call.ts';
import type { TaskOptions } from '../task/definition/task-options.ts';
import { BackgroundTask, type RestoredTask } from '../task/handle/background-task.ts';

/** One run of a durable task, as the adapter of a queue gives it to the core. */
export interface DurableAttempt {
  readonly call: TaskCall;
  readonly restored: RestoredTask;
  readonly options: TaskOptions;
  /** Hears of the task's progress, to write it to the queue. */
  readonly observer: { progressed(task: BackgroundTask): void };
}

/** How one run of a durable task ended. */
export type AttemptResult =
  | { readonly status: 'completed'; readonly result: unknown }
  /** `isWorthAnother`: whether the task's own options allow another attempt, if the queue has one left. */
  | { readonly status: 'failed'; readonly error: unknown; readonly isWorthAnother: boolean }
  | { readonly status: 'cancelled'; readonly error: Error }
  /** This process closes before the task settled, and did not run it to its end: another process has to. */
  | { readonly status: 'given back' };

/** A run on its way. */
export interface RunningAttempt {
  readonly task: BackgroundTask;
  /** Never rejects. */
  readonly result: Promise<AttemptResult>;
}

/**
 * Runs one attempt of a durable task in this process. The core provides it, and the adapter of a queue injects it: this
 * is all that an adapter knows of the engine.
 */
export abstract class AttemptRunner {
  /** @throws TaskArgumentError if this application can't call the task */
  abstract run(attempt: DurableAttempt): RunningAttempt;
}
