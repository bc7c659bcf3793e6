import { isObservable, lastValueFrom, Subject, takeUntil } from 'rxjs';
import type { Attempt } from '../task/attempt.ts';
import { runAsTask } from '../task/current-task.ts';
import type { TaskCall } from '../task/task-call.ts';
import type { TaskExecutor } from './task-executor.ts';

/** Is told of a call that kept the event loop to itself for so many milliseconds before it returned. */
export type BusyListener = (call: TaskCall, busy: number) => void;

/** Runs tasks on the event loop. */
export class EventLoopExecutor implements TaskExecutor {
  constructor(private readonly onReturn: BusyListener) {}

  admit(call: TaskCall): TaskCall {
    return call;
  }

  release(): void {
    // Nothing is kept for a task: how many there may be is not decided here.
  }

  /**
   * Calls the function in the async context in which the task was added, and waits for what it returns: a value, a
   * promise, any thenable, or an Observable, which is subscribed to until it completes, as Nest does for a handler.
   */
  execute(attempt: Attempt): Promise<unknown> {
    return attempt.call.scope.runInAsyncScope(() => runAsTask(attempt, () => this.#run(attempt)));
  }

  // In the task's context from end to end: an Observable or a lazy thenable starts its work here, not when it is made.
  async #run(attempt: Attempt): Promise<unknown> {
    const { call } = attempt;
    attempt.begin();
    if (attempt.abortReason) {
      // By one who was told that it begins.
      throw attempt.abortReason;
    }
    let aborted: Subject<void> | undefined;
    const startedAt = performance.now();
    let result: unknown;
    try {
      const returned = call.fn.apply(call.thisArg, call.args as unknown[]);
      result = returned;
      if (isObservable(returned)) {
        aborted = new Subject();
        result = lastValueFrom(returned.pipe(takeUntil(aborted)), { defaultValue: undefined });
      }
    } finally {
      this.onReturn(call, performance.now() - startedAt);
    }
    if ((typeof result !== 'object' && typeof result !== 'function') || result === null) {
      return result;
    }
    return new Promise((resolve, reject) => {
      attempt.onAbort((reason) => {
        reject(reason);
        aborted?.next();
      });
      Promise.resolve(result).then(resolve, reject);
    });
  }
}
