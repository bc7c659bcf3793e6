import type { MessagePort } from 'node:worker_threads';
import type { TaskAttemptMessage } from '../../observe/channel-messages.ts';
import type { TaskProgress } from '../../task/model/task-record.ts';
import type { Beginning } from './beginning.ts';
import type { PackedThrown } from './packed-error.ts';

/** The `workerData` of every thread. */
export interface ThreadData {
  /** The URL of the module that exports `run`: `run-task`, compiled or from its source. */
  runner: string;
}

/**
 * What a thread runs. It never contains code, only where the thread finds it. A tuple, because a tuple is cloned faster than
 * an object.
 */
export type ThreadRequest = [
  /** The URL of the module that defines the task. First, because the entry of the thread reads nothing else. */
  module: string,
  /** The name under which the module defines the task. */
  definitionName: string,
  id: string,
  /** The name of the task, which `with({ name })` can set. */
  name: string,
  attempt: number,
  args: readonly unknown[],
  /** The run to which the messages of the thread belong. */
  runId: number,
  /** Set if the thread first loads the module: then it asks whether it may begin, and sends `hasBegun`. */
  beginning: Beginning | undefined,
  /** Set if the channel of attempts has subscribers in the process. */
  traced: TracedInThread | undefined,
];

/** What the channel of attempts publishes in the thread, beside what the request says. */
export type TracedInThread = Pick<TaskAttemptMessage, 'task' | 'target' | 'queue' | 'carrier' | 'isTracedByQueue'>;

/** The position of `beginning`. It is set after the request was made: when the pool has picked the thread. */
export const BEGINNING = 7;

/** The position of `traced`, which is set at the same moment. */
export const TRACED = 8;

export type ThreadOutcome =
  | { status: 'completed'; result: unknown }
  | { status: 'threw' | 'not loaded' | 'result not cloned'; error: PackedThrown }
  /** `withdrawn`: the thread has loaded the module, but the task was aborted before. */
  | { status: 'not defined' | 'withdrawn' };

/** Sent once more with the response, because the response can overtake the last message about progress. */
export interface FinalProgress {
  /** How many messages about progress the thread has sent. */
  updates: number;
  progress: TaskProgress;
}

/** What a thread returns for a `ThreadRequest`. */
export type ThreadResponse = ThreadOutcome & Partial<FinalProgress>;

/**
 * What a thread posts while a task runs. The id is that of the run: a thread that is being killed can still post messages
 * when the task's next attempt runs in another thread.
 */
export type ThreadMessage = { runId: number } & (
  | { progress: TaskProgress }
  /** The task has read its signal: an `AbortMessage` to this port aborts it. */
  | { abortPort: MessagePort }
  /** The thread calls the function. */
  | { hasBegun: true }
);

/** What a thread posts when it has started and loaded its entry, and can be terminated without harm. */
export interface ThreadUp {
  threadUp: number;
}

/** What the main thread posts to `abortPort`. */
export interface AbortMessage {
  reason: PackedThrown;
}
