import { isObservable, type Subscription } from 'rxjs';
import { TaskCancelledError } from '../errors/task.errors.ts';
import type { ProviderMethod, TaskCall } from '../task/call/task-call.ts';
import { runAsTask } from '../task/handle/current-task.ts';
import type { AnyFunction } from '../task/model/signatures.ts';
import { isPrimitive } from '../util/clone.ts';
import { now } from '../util/timers.ts';
import type { Attempt } from './attempt.ts';
import type { ProviderResolver } from './provider-resolver.ts';
import type { TaskExecutor } from './task-executor.ts';

/** Learns how long a call kept the event loop busy before it returned, in ms. */
export type BusyListener = (call: TaskCall, busy: number) => void;

/** Runs tasks on the event loop. */
export class EventLoopExecutor implements TaskExecutor {
  /** Functions that still run after shutdown has aborted their attempts. */
  readonly #lingering = new Set<Promise<unknown>>();

  constructor(
    private readonly providers: ProviderResolver,
    private readonly onReturn: BusyListener,
  ) {}

  admit(call: TaskCall): TaskCall {
    if (call.of && !call.of.create) {
      this.providers.assertProvided(call.of, call.name);
    }
    return call;
  }

  release(): void {
    // This executor has no limit of its own, so it counts nothing.
  }

  /**
   * Calls the function in the async context in which the task was added, and waits for its result: a value, a promise, any
   * thenable, or an Observable. It subscribes to an Observable until it completes, as Nest does for a handler.
   */
  execute(attempt: Attempt): Promise<unknown> {
    return attempt.call.scope.runInAsyncScope(() => runAsTask(attempt, () => this.#run(attempt)));
  }

  /** Resolves when the functions that shutdown has aborted have returned. */
  async settleAborted(): Promise<void> {
    await Promise.all(this.#lingering);
  }

  // The result is followed in the task's context too: an Observable or a lazy thenable only then starts its work.
  async #run(attempt: Attempt): Promise<unknown> {
    const { call } = attempt;
    attempt.begin();
    if (attempt.abortReason) {
      // A subscriber of the event `started` has cancelled it.
      throw attempt.abortReason;
    }
    const returned = call.of ? this.#callProvider(attempt, call.of) : this.#call(call, call.fn, call.thisArg);
    return isPrimitive(returned) ? returned : this.#follow(attempt, returned);
  }

  async #callProvider(attempt: Attempt, { provider, method, create }: ProviderMethod): Promise<unknown> {
    const { call } = attempt;
    const target = await (create ? create() : this.providers.resolve(provider));
    // Creating a provider can take long. The attempt may be aborted by now.
    if (attempt.abortReason) {
      throw attempt.abortReason;
    }
    return this.#call(call, this.providers.methodOf(target, method, call.name), target);
  }

  #call(call: TaskCall, fn: AnyFunction, thisArg: unknown): unknown {
    const startedAt = now();
    try {
      return Reflect.apply(fn, thisArg, call.args);
    } finally {
      this.onReturn(call, now() - startedAt);
    }
  }

  /** Waits for the result, or until the attempt is aborted. */
  #follow(attempt: Attempt, returned: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      let subscription: Subscription | undefined;
      let followed: Promise<void> | undefined;
      attempt.onAbort((reason) => {
        reject(reason);
        subscription?.unsubscribe();
        if (followed && reason instanceof TaskCancelledError && reason.reason === 'shutdown') {
          const lingering = followed.finally(() => this.#lingering.delete(lingering));
          this.#lingering.add(lingering);
        }
      });
      const settle = (value: unknown) => {
        if (!isObservable(value)) {
          resolve(value);
        } else if (!attempt.abortReason) {
          let last: unknown;
          subscription = value.subscribe({ next: (it) => (last = it), error: reject, complete: () => resolve(last) });
          // The Observable cancelled its own task during `subscribe`, when the listener had no subscription yet.
          if (attempt.abortReason) {
            subscription.unsubscribe();
          }
        }
      };
      if (isObservable(returned)) {
        settle(returned);
      } else {
        // As with Nest's handlers, it may be a promise of an Observable.
        followed = Promise.resolve(returned).then(settle).catch(reject);
      }
    });
  }
}
