import type { QueueStats } from '../../task/model/queue-stats.ts';
import type { MemoryJob } from './memory-job.ts';

/** Counts the jobs of one queue. */
export function statsOf(name: string, jobs: readonly MemoryJob[], isPaused: boolean): QueueStats {
  const now = Date.now();
  const count = (isCounted: (job: MemoryJob) => boolean) => jobs.filter(isCounted).length;
  const running = count(({ state }) => state === 'claimed');
  const claimable = jobs.filter((job) => job.state === 'waiting' || isDue(job, now)).map(claimableSince);
  const failed = jobs.filter(({ end }) => end?.status === 'failed').map(({ finishedAt }) => finishedAt!);
  return {
    name,
    isPaused,
    pending: count(({ isSettled }) => !isSettled) - running,
    delayed: count((job) => job.state === 'delayed' && !isDue(job, now)),
    running,
    completed: count(({ end }) => end?.status === 'completed'),
    failed: count(({ end }) => end !== undefined && end.status !== 'completed'),
    ...(claimable.length > 0 && { oldestAge: Math.max(0, now - Math.min(...claimable)) }),
    ...(failed.length > 0 && { failedAge: Math.max(0, now - Math.max(...failed)) }),
  };
}

function isDue({ state, dueAt }: MemoryJob, now: number): boolean {
  return state === 'delayed' && dueAt! <= now;
}

/** Since when a worker could claim the job, in ms since the epoch. */
function claimableSince({ task, attempts, startedAt = 0, dueAt = 0 }: MemoryJob): number {
  // `dueAt` counts for a backoff only. If a delay was over when the job was added, its `dueAt` is when the job was added.
  const backoffEnd = attempts > 0 ? dueAt : 0;
  return Math.max(task.createdAt + (task.options.delay ?? 0), startedAt, backoffEnd);
}
