import { type MonoTypeOperatorFunction, Observable } from 'rxjs';
import type { TaskCollection } from './task-collection.ts';

/**
 * Holds back what a handler of messages returns or throws until the durable tasks that it added are in their queue. A
 * client that gets a reply can rely on them.
 */
export function holdUntilFlushed<T>(collection: TaskCollection): MonoTypeOperatorFunction<T> {
  const flush = (outcome: 'success' | 'failure') =>
    collection.list?.mustFlush(outcome) ? collection.list.flushForAnswer(outcome) : undefined;
  return (handler) =>
    new Observable((subscriber) => {
      /** Settles when everything that was held back so far is passed on. Keeps values in their order. */
      let held: Promise<void> | undefined;
      const hold = (outcome: 'success' | 'failure', passOn: () => void, onError: (error: unknown) => void) => {
        const flushing = held ? held.then(() => flush(outcome)) : flush(outcome);
        if (flushing) {
          held = flushing.then(passOn, onError);
        } else {
          passOn();
        }
      };
      const fail = (error: unknown) => subscriber.error(error);
      return handler.subscribe({
        next: (value) => hold('success', () => subscriber.next(value), fail),
        error: (error) =>
          hold(
            'failure',
            () => fail(error),
            // The client gets the handler's own error. The log has the queue's.
            () => fail(error),
          ),
        complete: () => hold('success', () => subscriber.complete(), fail),
      });
    });
}
