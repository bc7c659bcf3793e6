import { Observable, type Observer, type Operator, Subscriber, type Subscription } from 'rxjs';

type Next<T> = (value: T) => void;

/**
 * An Observable whose subscribers may throw, or return promises that reject. RxJS would turn the error into an uncaught
 * exception, which ends the process, as an unhandled rejection does. Observables that operators make of this one are
 * guarded too.
 */
export class GuardedObservable<T> extends Observable<T> {
  constructor(
    source: Observable<T>,
    private readonly onThrow: (error: unknown) => void,
  ) {
    super();
    this.source = source;
  }

  override lift<R>(operator?: Operator<T, R>): Observable<R> {
    const lifted = new GuardedObservable<R>(this as unknown as Observable<R>, this.onThrow);
    lifted.operator = operator as Operator<unknown, R>;
    return lifted;
  }

  override subscribe(
    observerOrNext?: Partial<Observer<T>> | Next<T> | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription {
    // A Subscriber is one of RxJS's own operators, which handles errors itself.
    if (observerOrNext instanceof Subscriber) {
      return super.subscribe(observerOrNext as Observer<T>);
    }
    const observer: Partial<Observer<T>> =
      typeof observerOrNext === 'object' && observerOrNext !== null
        ? observerOrNext
        : { ...(observerOrNext && { next: observerOrNext }), ...(error && { error }), ...(complete && { complete }) };
    return super.subscribe({
      next: (value) => this.#guard(() => observer.next?.(value)),
      // An operator threw and ended the subscription. If the subscriber doesn't listen for errors, the log gets this one.
      error: (thrown: unknown) => (observer.error ? this.#guard(() => observer.error!(thrown)) : this.onThrow(thrown)),
      complete: () => this.#guard(() => observer.complete?.()),
    });
  }

  #guard(notify: () => unknown): void {
    try {
      const returned = notify();
      if (returned instanceof Promise) {
        returned.catch(this.onThrow);
      }
    } catch (thrown) {
      this.onThrow(thrown);
    }
  }
}
