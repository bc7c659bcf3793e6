import type { AttemptResult, DurableAttempt, RunningAttempt } from '../durable/attempt-runner.ts';
import { type TaskCancelledError } from '../errors/task.errors.ts';
import { BackgroundTask, type TaskIds } from '../task/handle/background-task.ts';
import type { ResolvedTaskOptions, TaskOwner } from './task-entry.ts';
import type { TaskLifecycle } from './task-lifecycle.ts';
import type { TaskTracker } from './task-tracker.ts';

/** A stored task belongs to no list of this process: in which order they go is the queue's affair. */
const nowhere: TaskOwner = {
  isOpen: true,
  adopt() {
    // Nobody hands on what is not deduplicated.
  },
  optionsOf(queued) {
    return queued.options;
  },
};

/** Runs one attempt as if it had been added here, but that another one is not made here. */
export function runDurable(
  { call, restored, options, observer }: DurableAttempt,
  life: TaskLifecycle,
  tracker: TaskTracker,
  ids: TaskIds,
  defaults: ResolvedTaskOptions,
): RunningAttempt {
  const admitted = life.admitStored(call);
  const task = new BackgroundTask(admitted.name, ids, restored);
  const queued = {
    task,
    call: admitted,
    // It has waited where it was stored.
    options: { ...defaults, ...options, delay: 0 },
    addedAt: performance.now(),
    list: nowhere,
    isTaken: true,
    stored: observer,
  };
  life.adopt(queued);
  tracker.accepted(task);
  const result = new Promise<AttemptResult>((resolve) => life.run(queued, () => resolve(resultOf(task))));
  return { task, result };
}

function resultOf(task: BackgroundTask): AttemptResult {
  const { status, error } = task;
  if (status === 'completed') {
    return { status, result: task.result };
  }
  if (status === 'cancelled') {
    const reason = error as TaskCancelledError;
    return reason.reason === 'shutdown' ? { status: 'released' } : { status, error: reason };
  }
  return { status: 'failed', error, isWorthAnother: status === 'pending' };
}
