/*
 * BullMQ keeps when a worker has last claimed a job (`processedOn`), and counts claims. A record says when the function of the
 * first attempt began, and counts the attempts that began: between the claim and the function, a task waits. This file writes
 * both into the stack of an attempt that fails: BullMQ stores it in the same step as the failure.
 */
import type { TaskJob } from './task-job.ts';

/** Which attempts of a task have begun. */
export interface Begun {
  readonly attempts: number;
  /** When the first one began, in ms since the epoch. `undefined` if none has. */
  readonly startedAt: number | undefined;
}

/** Only the last line: the message of an error can hold anything. */
const BEGUN = /\nAttempts: (\d+)(?:, the first began at (\S+))?$/;

/** Adds to the error's stack which attempts have begun. */
export function withBegun(error: Error, { attempts, startedAt }: Begun): Error {
  const since = startedAt === undefined ? '' : `, the first began at ${new Date(startedAt).toISOString()}`;
  error.stack = `${error.stack}\nAttempts: ${attempts}${since}`;
  return error;
}

/** Removes the line that `withBegun` has added. */
export function withoutBegun(stack: string): string {
  return stack.replace(BEGUN, '');
}

/** Reads which attempts had begun when the job last failed; `undefined` if it did not fail, or another program failed it. */
export function begunAtFailure({ stacktrace, attemptsMade, returnvalue }: TaskJob): Begun | undefined {
  // On Redis, the stacks from before a retry are still there.
  const hasFailed = attemptsMade - (returnvalue ? 1 : 0) > 0;
  return begunIn((hasFailed && stacktrace?.at(-1)) || '');
}

/** Reads what `withBegun` has added to a stack. */
export function begunIn(stack: string): Begun | undefined {
  const [, attempts, time] = BEGUN.exec(stack) ?? [];
  return attempts === undefined
    ? undefined
    : { attempts: Number(attempts), startedAt: time === undefined ? undefined : Date.parse(time) };
}

/** When the function of the running attempt began; `undefined` before that, and for a job that no worker has claimed. */
export function beganInClaim({ data, attemptsStarted }: TaskJob): number | undefined {
  return data.begun?.claim === attemptsStarted ? data.begun.at : undefined;
}
