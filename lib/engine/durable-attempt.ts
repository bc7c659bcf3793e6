import type { AttemptResult, DurableAttempt, RunningAttempt } from '../durable/attempt-runner.ts';
import type { AttemptObserver } from '../execution/attempt.ts';
import type { TaskCancelledError } from '../errors/task.errors.ts';
import { BackgroundTask } from '../task/handle/background-task.ts';
import type { ResolvedTaskOptions, TaskEntry, TaskOwner } from './task-entry.ts';
import type { TaskLifecycle } from './task-lifecycle.ts';
import type { TaskTracker } from './task-tracker.ts';

/** Stands for a list: a durable task belongs to no list of this process, because the queue decides the order. */
class QueueOwner implements TaskOwner {
  readonly isOpen = true;

  /** @param ended is called once the task has settled here, or is back in its queue */
  constructor(readonly ended: () => void) {}

  adopt(): void {
    throw new TypeError('a durable task has no claimants, so no list hands it over');
  }

  optionsOf({ options }: TaskEntry): ResolvedTaskOptions {
    return options;
  }
}

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
  const forQueue: AttemptObserver = {
    began: (it) => observer.began(it),
    progressed: (it) => observer.progressed(it),
    carrier,
    isTraced,
  };
  const result = new Promise<AttemptResult>((resolve) => {
    const owner = new QueueOwner(() => resolve(resultOf(task)));
    const entry = lifecycle.enter(task, admitted, all, owner, forQueue);
    tracker.add(task);
    // A subscriber of the event `added` can cancel the task.
    if (task.isSettled) {
      owner.ended();
    } else {
      lifecycle.run(entry);
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
