import { Observable, type Observer, type Operator, Subscriber, type Subscription } from 'rxjs';

type Next<T> = (value: T) => void;

/**
 * An Observable whose subscribers can throw, or return promises that reject: RxJS would make an uncaught exception of the
 * one, and Node of the other, which ends the process. So are those that are made of it by operators.
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
    // A subscriber is a link between operators, which look after their errors themselves.
    if (observerOrNext instanceof Subscriber) {
      return super.subscribe(observerOrNext as Observer<T>);
    }
    const observer: Partial<Observer<T>> =
      typeof observerOrNext === 'object' && observerOrNext !== null
        ? observerOrNext
        : { ...(observerOrNext && { next: observerOrNext }), ...(error && { error }), ...(complete && { complete }) };
    return super.subscribe({
      next: (value) => this.#guard(() => observer.next?.(value)),
      // Of an operator that threw: it has ended the subscription, of which somebody has to know.
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
