import type { MessagePort } from 'node:worker_threads';
import type { TaskProgress } from '../../task/model/task-record.ts';
import type { Packed } from './packed-error.ts';

/** What a thread is started with. */
export interface ThreadData {
  /** The URL of what runs tasks there. */
  runner: string;
}

/**
 * What a thread is told to run: never code, but where it finds it. A tuple, since that is cloned faster than an object.
 */
export type ThreadRequest = [
  id: string,
  /** How the task is called this time. */
  name: string,
  attempt: number,
  module: string,
  /** The name under which the module defines it. */
  definedAs: string,
  args: readonly unknown[],
  /** Whether the thread tells when the function begins. */
  tellsBeginning: boolean,
];

export type ThreadOutcome =
  | { status: 'completed'; result: unknown }
  | { status: 'threw' | 'not loaded' | 'result not cloned'; error: Packed }
  | { status: 'not defined' };

/** What was said of progress, since the message that told the last of it may be overtaken by the response. */
export interface ThreadSaid {
  updates: number;
  progress: TaskProgress;
}

/** What comes back. */
export type ThreadResponse = ThreadOutcome & Partial<ThreadSaid>;

/** What a thread tells while a task runs there. */
export type ThreadMessage = { taskId: string } & (
  | { progress: TaskProgress }
  | { signal: MessagePort }
  /** Which attempt begins: the message can arrive when the task is tried again already. */
  | { began: number }
);

/** What it is told, by the port that it gave. */
export interface AbortMessage {
  abort: Packed;
}
