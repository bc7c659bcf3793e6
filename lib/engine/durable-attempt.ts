import type { StoredRun } from '../durable/attempt-runner.ts';
import type { StoredOutcome } from '../durable/task-queue.ts';
import { byClosing, type TaskCancelledError } from '../errors/task.errors.ts';
import { BackgroundTask, type TaskIds } from '../task/handle/background-task.ts';
import type { ResolvedTaskOptions, TaskPlace } from './task-entry.ts';
import type { TaskLife } from './task-lifecycle.ts';
import type { TaskTracker } from './task-tracker.ts';

/** A stored task belongs to no list of this process: in which order they go is the queue's affair. */
const nowhere: TaskPlace = {
  isOpen: true,
  adopt() {
    // Nobody hands on what is not deduplicated.
  },
  optionsOf(queued) {
    return queued.options;
  },
};

/** Runs one attempt as if it had been added here, but that another one is not made here. */
export function runStored(
  { call, restored, options, observer }: StoredRun,
  life: TaskLife,
  tracker: TaskTracker,
  ids: TaskIds,
  defaults: ResolvedTaskOptions,
): { task: BackgroundTask; outcome: Promise<StoredOutcome> } {
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
  const outcome = new Promise<StoredOutcome>((resolve) => life.run(queued, () => resolve(outcomeOf(task))));
  return { task, outcome };
}

function outcomeOf(task: BackgroundTask): StoredOutcome {
  const { status, error } = task;
  if (status === 'completed') {
    return { status, result: task.result };
  }
  if (status === 'cancelled') {
    const reason = error as TaskCancelledError;
    return reason.by === byClosing ? { status: 'given back' } : { status, error: reason };
  }
  return { status: 'failed', error, isWorthAnother: status === 'pending' };
}
