/*
 * BullMQ keeps when the last attempt of a job began (`processedOn`), and a record says when the first one did. This file writes
 * the time into the stack of an attempt that fails: BullMQ stores all stacks of a job, in the same step as the failure.
 */
import type { TaskJob } from './task-job.ts';

const LINE = 'The attempt began at ';
/** Only the last line: the message of an error can hold anything. */
const STARTED = new RegExp(`\\n${LINE}(\\S+)$`);

/** Adds the time at which this attempt began to the error's stack. */
export function withStart(job: TaskJob, error: Error): Error {
  error.stack = `${error.stack}\n${LINE}${new Date(job.processedOn!).toISOString()}`;
  return error;
}

/** Removes the line that `withStart` has added. */
export function withoutStart(stack: string): string {
  return stack.replace(STARTED, '');
}

/** @returns when the first attempt began, in ms since the epoch; `undefined` if no attempt has failed, or the stack is gone */
export function startOfFirst({ stacktrace, attemptsMade, returnvalue }: TaskJob): number | undefined {
  // On Redis, the stacks from before a retry are still there.
  const failures = attemptsMade - (returnvalue ? 1 : 0);
  const first = failures > 0 ? stacktrace?.at(Math.max(-failures, -stacktrace.length)) : undefined;
  const [, time] = STARTED.exec(first ?? '') ?? [];
  return time === undefined ? undefined : Date.parse(time);
}
