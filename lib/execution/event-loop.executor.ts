import { isObservable, type Subscription } from 'rxjs';
import { TaskCancelledError, TaskProviderError } from '../errors/task.errors.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import { runAsTask } from '../task/handle/current-task.ts';
import type { AnyFunction } from '../task/model/signatures.ts';
import { isPrimitive } from '../util/clone.ts';
import { clearTimeout, now, setTimeout } from '../util/timers.ts';
import type { AbortReason, Attempt } from './attempt.ts';
import { providerNotReady } from './execution.messages.ts';
import type { ProviderResolver } from './provider-resolver.ts';
import type { TaskExecutor } from './task-executor.ts';

/** Learns how long a call kept the event loop busy before it returned, in ms. */
export type BusyListener = (call: TaskCall, busy: number) => void;

/** Runs tasks on the event loop. */
export class EventLoopExecutor implements TaskExecutor {
  /** Functions that still run, and providers that are still being made, after shutdown has aborted their attempts. */
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
    if (!call.of) {
      return this.#begin(attempt, call.fn, call.thisArg);
    }
    const { provider, method, create } = call.of;
    const made = create ? create() : this.providers.resolve(provider);
    const target = made instanceof Promise ? await this.#waitFor(attempt, made as Promise<object>) : made;
    return this.#begin(attempt, this.providers.methodOf(target, method, call.name), target);
  }

  /** Waits for a provider that Nest makes, or until the attempt is aborted. The task has not begun, so its timeout waits too. */
  #waitFor(attempt: Attempt, made: Promise<object>): Promise<object> {
    return new Promise((resolve, reject) => {
      const { limit } = this.providers;
      const timer = setTimeout(() => reject(new TaskProviderError(providerNotReady(attempt.name, limit))), limit);
      const settled = made.then(resolve, reject).finally(() => clearTimeout(timer));
      attempt.onAbort((reason) => {
        clearTimeout(timer);
        reject(reason);
        this.#linger(settled, reason);
      });
    });
  }

  #begin(attempt: Attempt, fn: AnyFunction, thisArg: unknown): unknown {
    attempt.begin();
    if (attempt.abortReason) {
      // A subscriber of the event `started` has cancelled it.
      throw attempt.abortReason;
    }
    const { trace } = attempt;
    return trace
      ? trace.run(() => this.#callAndFollow(attempt, fn, thisArg))
      : this.#callAndFollow(attempt, fn, thisArg);
  }

  #callAndFollow(attempt: Attempt, fn: AnyFunction, thisArg: unknown): unknown {
    const returned = this.#call(attempt.call, fn, thisArg);
    return isPrimitive(returned) ? returned : this.#follow(attempt, returned);
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
        this.#linger(followed, reason);
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

  #linger(work: Promise<void> | undefined, reason: AbortReason): void {
    if (work && reason instanceof TaskCancelledError && reason.reason === 'shutdown') {
      const lingering = work.finally(() => this.#lingering.delete(lingering));
      this.#lingering.add(lingering);
    }
  }
}
