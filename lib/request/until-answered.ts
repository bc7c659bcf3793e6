import { type MonoTypeOperatorFunction, Observable, Subscription } from 'rxjs';

/**
 * Keeps the source subscribed until it gives its first value, also when nobody listens any more. Nest unsubscribes when
 * a client disconnects, but the handler still runs, and its tasks wait for its end.
 */
export function untilAnswered<T>(): MonoTypeOperatorFunction<T> {
  return (source) =>
    new Observable((subscriber) => {
      let isAnswered = false;
      const handler = new Subscription();
      handler.add(
        source.subscribe({
          next: (value) => {
            isAnswered = true;
            subscriber.next(value);
            if (subscriber.closed) {
              handler.unsubscribe();
            }
          },
          error: (error) => subscriber.error(error),
          complete: () => subscriber.complete(),
        }),
      );
      return () => {
        if (isAnswered) {
          handler.unsubscribe();
        }
      };
    });
}
