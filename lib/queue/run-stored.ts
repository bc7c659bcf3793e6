import type { TaskCancelledError } from '../errors/task-cancelled.error.ts';
import { byClosing } from '../messages.ts';
import type { ResolvedTaskOptions, TaskPlace } from '../runner/queued-task.ts';
import type { TaskLife } from '../runner/task-life.ts';
import type { TaskTracker } from '../runner/task-tracker.ts';
import { BackgroundTask, type RestoredTask, type TaskIds } from '../task/background-task.ts';
import type { TaskCall } from '../task/task-call.ts';
import type { TaskOptions } from '../task/task-options.ts';
import type { StoredOutcome } from './task-queue.ts';

/** The attempt of a stored task. */
export interface StoredRun {
  readonly call: TaskCall;
  readonly restored: RestoredTask;
  readonly options: TaskOptions;
  /** Is to hear of its progress. */
  readonly observer: { progressed(task: BackgroundTask): void };
}

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
