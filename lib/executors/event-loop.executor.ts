import { isObservable, lastValueFrom } from 'rxjs';
import type { TaskCall } from '../task/task-call.ts';

/** Is told of a call that kept the event loop to itself for so many milliseconds before it returned. */
export type BusyListener = (call: TaskCall, busy: number) => void;

/** Runs one attempt of a task on the event loop. */
export class EventLoopExecutor {
  constructor(private readonly onReturn: BusyListener) {}

  /**
   * Calls the function in the async context in which the task was added, and waits for what it returns: a value, a
   * promise, any thenable, or an Observable, which is subscribed to until it completes, as Nest does for a handler.
   */
  async execute(call: TaskCall): Promise<unknown> {
    const startedAt = performance.now();
    let returned: unknown;
    try {
      returned = call.scope.runInAsyncScope(call.fn, call.thisArg, ...call.args);
    } finally {
      this.onReturn(call, performance.now() - startedAt);
    }
    return isObservable(returned) ? lastValueFrom(returned, { defaultValue: undefined }) : returned;
  }
}
