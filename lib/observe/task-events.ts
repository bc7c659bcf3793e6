import { Observable, Subject } from 'rxjs';
import { GuardedObservable } from './guarded-observable.ts';

/** Tells subscribers of what happens, each of all in the order in which it happened. */
export class TaskEvents<T> {
  readonly #subject = new Subject<T>();
  readonly #waiting: T[] = [];
  #isTelling = false;

  readonly observable: Observable<T>;

  /** @param onThrow is given what a subscriber has thrown */
  constructor(onThrow: (error: unknown) => void) {
    this.observable = new GuardedObservable(this.#subject, onThrow);
  }

  get isObserved(): boolean {
    return this.#subject.observed;
  }

  emit(event: T): void {
    this.#waiting.push(event);
    // A subscriber that adds a task makes for another event before all have heard of this one.
    if (this.#isTelling) {
      return;
    }
    this.#isTelling = true;
    for (const waiting of this.#waiting) {
      this.#subject.next(waiting);
    }
    this.#waiting.length = 0;
    this.#isTelling = false;
  }
}
