import type { AttemptRecord } from '../../durable/task-queue.ts';
import { readJobError } from './job-error.ts';
import { phaseOf, startOf, timeOf } from './job-record.ts';
import { beganInClaim, begunIn } from './job-start.ts';
import type { TaskJob } from './task-job.ts';

/**
 * Reads the attempts of a task from its job. BullMQ keeps the stack of each attempt that failed, and the times of the first
 * and the last one.
 */
export function attemptsOf(job: TaskJob): AttemptRecord[] {
  const phase = phaseOf(job);
  const failures = Math.max(0, job.attemptsMade - (phase === 'completed' ? 1 : 0));
  const attempts = failedAttempts(job, failures);
  const began = beganInClaim(job);
  if (phase === 'completed') {
    attempts.push({ attempt: job.attemptsMade });
  } else if (phase === 'claimed' && began !== undefined) {
    attempts.push({ attempt: failures + 1, startedAt: timeOf(began) });
  }
  const [first, last] = [attempts[0], attempts.at(-1)];
  const startedOn = startOf(job);
  if (first?.attempt === 1 && startedOn !== undefined) {
    first.startedAt ??= timeOf(startedOn);
  }
  if (last && job.finishedOn) {
    last.finishedAt = timeOf(job.finishedOn);
  }
  return attempts;
}

function failedAttempts({ stacktrace }: TaskJob, failures: number): AttemptRecord[] {
  // On Redis, the stacks from before a retry are still there.
  const stacks = failures === 0 ? [] : (stacktrace ?? []).slice(-failures);
  const attempts = new Map<number, AttemptRecord>();
  stacks.forEach((stack, i) => {
    const attempt = begunIn(stack)?.attempts ?? failures - stacks.length + i + 1;
    // A claim that ends before its function begins counts as an attempt for BullMQ, but not for a task.
    if (attempt > 0 && !attempts.has(attempt)) {
      attempts.set(attempt, { attempt, error: readJobError({ failedReason: messageIn(stack), stacktrace: [stack] }) });
    }
  });
  return [...attempts.values()];
}

/** The message of an error whose stack begins with its name and message. */
function messageIn(stack: string): string {
  const [head] = stack.split(/\n {4}at |\nCaused by: |\nRecord: |\nAttempts: /, 1);
  return head!.replace(/^\w+: /, '');
}
