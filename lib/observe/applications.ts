import type { QueueStats } from '../task/model/queue-stats.ts';
import type { TaskStats } from '../task/model/task-stats.ts';
import { perThread } from '../util/per-thread.ts';

/** A running application, as instrumentations see it. */
export interface ObservedApplication {
  readonly counts: Pick<TaskStats, 'pending' | 'delayed' | 'running'>;
  /** @throws TaskQueueError */
  queueStats(): Promise<readonly QueueStats[]>;
}

/** Weak references: an application that was made but never started is never closed, so nothing removes it. */
const applications = perThread('applications', () => new Set<WeakRef<ObservedApplication>>());

/** @returns a function that removes it: call it when the application has closed */
export function noteApplication(application: ObservedApplication): () => void {
  const ref = new WeakRef(application);
  applications.add(ref);
  return () => applications.delete(ref);
}

/** The applications that run in this process. */
export function runningApplications(): readonly ObservedApplication[] {
  const running: ObservedApplication[] = [];
  for (const ref of applications) {
    const application = ref.deref();
    if (application) {
      running.push(application);
    } else {
      applications.delete(ref);
    }
  }
  return running;
}
