import { Observable, Subject } from 'rxjs';
import { GuardedObservable } from './guarded-observable.ts';

/** Emits events so that each subscriber gets all of them in the order in which they happened. */
export class TaskEvents<T> {
  readonly #subject = new Subject<T>();
  readonly #pending: T[] = [];
  #isEmitting = false;

  readonly observable: Observable<T>;

  /** @param onThrow is given what a subscriber throws */
  constructor(onThrow: (error: unknown) => void) {
    this.observable = new GuardedObservable(this.#subject, onThrow);
  }

  get isObserved(): boolean {
    return this.#subject.observed;
  }

  /** Completes all subscribers. Later subscribers complete at once. */
  close(): void {
    this.#subject.complete();
  }

  emit(event: T): void {
    this.#pending.push(event);
    // A subscriber can cause an event, such as by adding a task, before all subscribers have got this one.
    if (this.#isEmitting) {
      return;
    }
    this.#isEmitting = true;
    for (const pending of this.#pending) {
      this.#subject.next(pending);
    }
    this.#pending.length = 0;
    this.#isEmitting = false;
  }
}
