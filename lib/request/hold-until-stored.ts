import { type MonoTypeOperatorFunction, Observable } from 'rxjs';
import type { TaskCollection } from './task-collection.ts';

/** Holds back what a handler returns, or throws, until the tasks that it has added for queues are stored. */
export function holdUntilStored<T>(source: TaskCollection): MonoTypeOperatorFunction<T> {
  const store = (outcome: 'success' | 'failure') => (source.current?.hasUnflushed ? source.store(outcome) : undefined);
  return (handler) =>
    new Observable((subscriber) => {
      /** What has been held back so far, one after the other. */
      let held: Promise<void> | undefined;
      const hold = (outcome: 'success' | 'failure', goOn: () => void, onError: (error: unknown) => void) => {
        const storing = held ? held.then(() => store(outcome)) : store(outcome);
        if (storing) {
          held = storing.then(goOn, onError);
        } else {
          goOn();
        }
      };
      const fail = (error: unknown) => subscriber.error(error);
      return handler.subscribe({
        next: (value) => hold('success', () => subscriber.next(value), fail),
        error: (error) =>
          hold(
            'failure',
            () => fail(error),
            () => fail(error),
          ),
        complete: () => hold('success', () => subscriber.complete(), fail),
      });
    });
}
