import { isObservable, type Observable, type Subscription, UnsubscriptionError } from 'rxjs';
import { TaskCancelledError, TaskProviderError } from '../errors/task.errors.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import { runAsTaskIn } from '../task/handle/current-task.ts';
import type { AnyFunction } from '../task/model/signatures.ts';
import { isPrimitive } from '../util/clone.ts';
import { warnProcess } from '../util/process-warning.ts';
import { clearTimeout, now, setTimeout, soon } from '../util/timers.ts';
import type { AbortReason, Attempt } from './attempt.ts';
import { providerNotReady } from './execution.messages.ts';
import type { ProviderResolver } from './provider-resolver.ts';
import type { TaskExecutor } from './task-executor.ts';

/** Learns how long a call kept the event loop busy before it returned, in ms. */
export type BusyListener = (call: TaskCall, busy: number) => void;

/** What stands for a result that is still to come. */
const LATER = Symbol('later');

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
    let result: unknown;
    try {
      result = runAsTaskIn(attempt.call.scope, attempt, this.#run);
    } catch (error) {
      attempt.fail(error);
      return;
    }
    // Here, outside of the task's context. In Node before 24, what runs in the same `scope` meanwhile sees the task as its
    // own: a logger and `retryIf` would.
    if (result !== LATER) {
      attempt.succeed(result);
    }
  }

  /** Resolves when the functions that shutdown has aborted have returned. */
  async settleAborted(): Promise<void> {
    await Promise.all(this.#lingering);
  }

  // The result is followed in the task's context too: an Observable or a lazy thenable only then starts its work.
  /** @returns the result, or `LATER` */
  readonly #run = (attempt: Attempt): unknown => {
    const { call } = attempt;
    if (!call.of) {
      return this.#begin(attempt, call.fn, call.thisArg);
    }
    const { provider, create } = call.of;
    const target = create ? create() : this.providers.resolve(provider);
    if (target instanceof Promise) {
      this.#waitFor(attempt, target as Promise<object>);
      return LATER;
    }
    return this.#beginMethod(attempt, target);
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
      if (isGivenUp) {
        return;
      }
      let result: unknown;
      try {
        result = this.#beginMethod(attempt, target);
      } catch (error) {
        attempt.fail(error);
        return;
      }
      if (result !== LATER) {
        attempt.succeed(result);
      }
    };
    const settled = made.then(begin, giveUp);
    attempt.onAbort((reason) => {
      isGivenUp = true;
      soon(() => giveUp(reason));
      this.#linger(settled, reason);
    });
  }

  #beginMethod(attempt: Attempt, target: object): unknown {
    const { name, of } = attempt.call;
    return this.#begin(attempt, this.providers.methodOf(target, of!.method, name), target);
  }

  #begin(attempt: Attempt, fn: AnyFunction, thisArg: unknown): unknown {
    attempt.begin();
    const { abortReason, trace } = attempt;
    if (abortReason) {
      // A subscriber of the event `started` has cancelled it.
      throw abortReason;
    }
    return trace
      ? trace.run(() => this.#callAndFollow(attempt, fn, thisArg))
      : this.#callAndFollow(attempt, fn, thisArg);
  }

  #callAndFollow(attempt: Attempt, fn: AnyFunction, thisArg: unknown): unknown {
    const returned = this.#call(attempt.call, fn, thisArg);
    if (isPrimitive(returned)) {
      return returned;
    }
    this.#follow(attempt, returned);
    return LATER;
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
      if (subscription) {
        unsubscribeFrom(subscription);
      }
      this.#linger(followed, reason);
    });
    const settle = (value: unknown) => {
      let isStream: boolean;
      try {
        isStream = isObservable(value);
      } catch (error) {
        // It reads properties of the value, and a getter or a proxy can throw.
        attempt.fail(error);
        return;
      }
      if (isStream) {
        subscription = subscribeTo(value as Observable<unknown>, attempt);
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
      unsubscribeFrom(subscription);
    }
    return subscription;
  } catch (error) {
    fail(error);
    return undefined;
  }
}

/** What a teardown of the Observable throws must not stop a shutdown, which cancels all tasks in one loop. */
function unsubscribeFrom(subscription: Subscription): void {
  try {
    subscription.unsubscribe();
  } catch (error) {
    for (const thrown of error instanceof UnsubscriptionError ? (error.errors as unknown[]) : [error]) {
      warnProcess(thrown);
    }
  }
}
