import { isObservable, type Observable, type Subscription } from 'rxjs';
import { TaskCancelledError, TaskProviderError } from '../errors/task.errors.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import { runAsTask } from '../task/handle/current-task.ts';
import type { AnyFunction } from '../task/model/signatures.ts';
import { isPrimitive } from '../util/clone.ts';
import { clearTimeout, now, setTimeout, soon } from '../util/timers.ts';
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
  execute(attempt: Attempt): void {
    attempt.call.scope.runInAsyncScope(runAsTask, undefined, attempt, this.#run, attempt);
  }

  /** Resolves when the functions that shutdown has aborted have returned. */
  async settleAborted(): Promise<void> {
    await Promise.all(this.#lingering);
  }

  // The result is followed in the task's context too: an Observable or a lazy thenable only then starts its work.
  readonly #run = (attempt: Attempt): void => {
    const { call } = attempt;
    if (!call.of) {
      this.#begin(attempt, call.fn, call.thisArg);
      return;
    }
    let target: object | Promise<object>;
    try {
      const { provider, create } = call.of;
      target = create ? create() : this.providers.resolve(provider);
    } catch (error) {
      attempt.fail(error);
      return;
    }
    if (target instanceof Promise) {
      this.#waitFor(attempt, target as Promise<object>);
    } else {
      this.#beginMethod(attempt, target);
    }
  };

  /** Waits for a provider that Nest makes, or until the attempt is aborted. The task has not begun, so its timeout waits too. */
  #waitFor(attempt: Attempt, made: Promise<object>): void {
    const { limit } = this.providers;
    let isGivenUp = false;
    const giveUp = (error: unknown) => {
      isGivenUp = true;
      clearTimeout(timer);
      attempt.fail(error);
    };
    const timer = setTimeout(() => giveUp(new TaskProviderError(providerNotReady(attempt.name, limit))), limit);
    const begin = (target: object) => {
      clearTimeout(timer);
      if (!isGivenUp) {
        this.#beginMethod(attempt, target);
      }
    };
    const settled = made.then(begin, giveUp);
    attempt.onAbort((reason) => {
      isGivenUp = true;
      soon(() => giveUp(reason));
      this.#linger(settled, reason);
    });
  }

  #beginMethod(attempt: Attempt, target: object): void {
    const { name, of } = attempt.call;
    let fn: AnyFunction;
    try {
      fn = this.providers.methodOf(target, of!.method, name);
    } catch (error) {
      attempt.fail(error);
      return;
    }
    this.#begin(attempt, fn, target);
  }

  #begin(attempt: Attempt, fn: AnyFunction, thisArg: unknown): void {
    let returned: unknown;
    try {
      attempt.begin();
      const { abortReason, trace } = attempt;
      if (abortReason) {
        // A subscriber of the event `started` has cancelled it.
        throw abortReason;
      }
      returned = trace
        ? trace.run(() => this.#callAndFollow(attempt, fn, thisArg))
        : this.#callAndFollow(attempt, fn, thisArg);
    } catch (error) {
      attempt.fail(error);
      return;
    }
    if (isPrimitive(returned)) {
      attempt.succeed(returned);
    }
  }

  /** @returns what the function returned. It is followed unless it is a primitive value */
  #callAndFollow(attempt: Attempt, fn: AnyFunction, thisArg: unknown): unknown {
    const returned = this.#call(attempt.call, fn, thisArg);
    if (!isPrimitive(returned)) {
      this.#follow(attempt, returned);
    }
    return returned;
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
  #follow(attempt: Attempt, returned: unknown): void {
    let subscription: Subscription | undefined;
    let followed: Promise<void> | undefined;
    const fail = (error: unknown) => attempt.fail(error);
    attempt.onAbort((reason) => {
      soon(() => attempt.fail(reason));
      subscription?.unsubscribe();
      this.#linger(followed, reason);
    });
    const settle = (value: unknown) => {
      if (isObservable(value)) {
        subscription = subscribeTo(value, attempt);
      } else {
        attempt.succeed(value);
      }
    };
    if (isObservable(returned)) {
      settle(returned);
    } else {
      // As with Nest's handlers, it may be a promise of an Observable.
      followed = Promise.resolve(returned).then(settle, fail);
    }
  }

  #linger(work: Promise<void> | undefined, reason: AbortReason): void {
    if (work && reason instanceof TaskCancelledError && reason.reason === 'shutdown') {
      const lingering = work.finally(() => this.#lingering.delete(lingering));
      this.#lingering.add(lingering);
    }
  }
}

/** The attempt ends with the last value of the Observable. Later: an Observable can complete while it is subscribed to. */
function subscribeTo(values: Observable<unknown>, attempt: Attempt): Subscription | undefined {
  if (attempt.abortReason) {
    return undefined;
  }
  let last: unknown;
  const fail = (error: unknown) => soon(() => attempt.fail(error));
  try {
    const subscription = values.subscribe({
      next: (value) => (last = value),
      error: fail,
      complete: () => soon(() => attempt.succeed(last)),
    });
    // The Observable cancelled its own task during `subscribe`, when the listener had no subscription yet.
    if (attempt.abortReason) {
      subscription.unsubscribe();
    }
    return subscription;
  } catch (error) {
    fail(error);
    return undefined;
  }
}
