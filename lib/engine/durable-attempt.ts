import type { AttemptResult, DurableAttempt, RunningAttempt } from '../durable/attempt-runner.ts';
import type { TaskCancelledError } from '../errors/task.errors.ts';
import { BackgroundTask } from '../task/handle/background-task.ts';
import type { ResolvedTaskOptions, TaskOwner } from './task-entry.ts';
import type { TaskLifecycle } from './task-lifecycle.ts';
import type { TaskTracker } from './task-tracker.ts';

/** A durable task belongs to no list of this process: the queue decides the order. */
const NO_LIST: TaskOwner = {
  isOpen: true,
  adopt() {
    throw new TypeError('a durable task has no claimants, so no list hands it over');
  },
  optionsOf(entry) {
    return entry.options;
  },
};

/** Runs one attempt of a durable task. The lifecycle is that of every task, but the queue makes the next attempt. */
export function runDurable(
  { call, restored, options, observer, carrier, isTraced }: DurableAttempt,
  lifecycle: TaskLifecycle,
  tracker: TaskTracker,
  defaults: ResolvedTaskOptions,
): RunningAttempt {
  const admitted = lifecycle.admitDurable(call);
  const task = new BackgroundTask(admitted.name, tracker, restored, call.definition?.queue, 'queue');
  // The task has waited for its delay in the queue.
  const all = { ...defaults, ...options, delay: 0 };
  const entry = lifecycle.enter(task, admitted, all, NO_LIST, {
    began: (it) => observer.began(it),
    progressed: (it) => observer.progressed(it),
    carrier,
    isTraced,
  });
  tracker.add(task);
  const result = new Promise<AttemptResult>((resolve) => {
    const end = () => resolve(resultOf(task));
    // A subscriber of the event `added` can cancel the task.
    if (task.isSettled) {
      end();
    } else {
      lifecycle.run(entry, all, end);
    }
  });
  return { task, result };
}

function resultOf(task: BackgroundTask): AttemptResult {
  const { status, error } = task;
  if (status === 'completed') {
    return { status, result: task.result };
  }
  if (status === 'cancelled') {
    const cancelled = error as TaskCancelledError;
    return cancelled.reason === 'shutdown' ? { status: 'released' } : { status, error: cancelled };
  }
  // The lifecycle makes a task `pending` again if its options allow another attempt.
  return { status: 'failed', error, isWorthAnother: status === 'pending' };
}
