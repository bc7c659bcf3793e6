import { type CancelReason, TaskCancelledError } from '../errors/task.errors.ts';
import type { Attempt } from '../execution/attempt.ts';
import type { BackgroundTask, Canceller } from '../task/handle/background-task.ts';

type State = 'waiting' | 'running' | 'enqueueing' | 'enqueued' | 'over';

/**
 * Decides what `cancel()` does to one task. That depends on the task's state:
 *
 * | state        | entered when                                  | what `cancel()` does                                      |
 * | ------------ | --------------------------------------------- | --------------------------------------------------------- |
 * | `waiting`    | the task waits for its turn, a slot, a delay  | ends the wait; the task is `cancelled` at once            |
 * | `running`    | an attempt starts                             | aborts the attempt; then the task is `cancelled`          |
 * | `enqueueing` | the list flushes the task                     | remembers it, and asks the queue once it has the task     |
 * |              | and until the application's transaction ends  | a shutdown leaves it to the queue                         |
 * | `enqueued`   | the queue has the task                        | asks the queue, because any process may run the task      |
 * | `over`       | the task is cancelled, or back in its queue   | nothing                                                   |
 *
 * The handle of a settled task no longer calls this class.
 */
export class Cancellation<T> implements Canceller {
  #state: State = 'waiting';
  /** Read only in `waiting`: see `waits`. */
  #leave: (() => void) | undefined;
  #onEnd: (() => void) | undefined;
  /** Read only in `running`. */
  #attempt: Attempt | undefined;
  /** Set by `cancel()` in `enqueueing`. */
  #requested: CancelReason | undefined;
  /** Read only in `enqueueing`: see `goesToQueue`. */
  #lose: (() => void) | undefined;
  /** Set in `enqueueing`, once the task is part of a transaction of the application. */
  #leaveToQueue: (() => void) | undefined;
  /** Read only in `enqueued`. */
  #askQueue: (() => void) | undefined;

  /** @param stop settles the task as `cancelled`. It gets `subject`, so that all tasks share one function */
  constructor(
    private readonly task: BackgroundTask,
    private readonly subject: T,
    private readonly stop: (subject: T, error: TaskCancelledError) => void,
  ) {
    task.setCanceller(this);
  }

  /** Why the task was cancelled while it was being enqueued. `undefined` if it was not. */
  get requested(): CancelReason | undefined {
    return this.#requested;
  }

  /**
   * @param leave ends the wait: clears a timer, or leaves a line
   * @param onEnd is called when the task has been cancelled
   */
  waits(leave?: () => void, onEnd?: () => void): void {
    this.#state = 'waiting';
    this.#leave = leave;
    this.#onEnd = onEnd;
  }

  runs(attempt: Attempt): void {
    this.#state = 'running';
    this.#attempt = attempt;
  }

  /** @param lose is called if the application closes before the queue has answered */
  goesToQueue(lose: () => void): void {
    this.#state = 'enqueueing';
    this.#lose = lose;
    // It holds the arguments of the task. A handle that the application keeps must not keep them too.
    this.#leave = undefined;
  }

  /** @param leaveToQueue is called if the application closes before the transaction has ended */
  entersTransaction(leaveToQueue: () => void): void {
    this.#leaveToQueue = leaveToQueue;
  }

  arrivesInQueue(askQueue: () => void): void {
    this.#state = 'enqueued';
    this.#askQueue = askQueue;
    if (this.#requested) {
      this.cancel(this.#requested);
    }
  }

  returnsToQueue(): void {
    this.#state = 'over';
  }

  /** @returns whether this call cancels the task */
  cancel(reason: CancelReason): boolean {
    switch (this.#state) {
      case 'waiting':
        this.#state = 'over';
        this.#leave?.();
        this.stop(this.subject, new TaskCancelledError(this.task.name, reason));
        this.#onEnd?.();
        return true;
      case 'running':
        this.#state = 'over';
        return this.#attempt!.abort(new TaskCancelledError(this.task.name, reason));
      case 'enqueueing': {
        if (reason === 'shutdown' && this.#leaveToQueue) {
          this.#leaveToQueue();
          return false;
        }
        const isFirst = !this.#requested;
        this.#requested ??= reason;
        if (isFirst && reason === 'shutdown') {
          this.#lose?.();
        }
        return isFirst;
      }
      case 'enqueued':
        this.#state = 'over';
        this.#askQueue!();
        return true;
      case 'over':
        break;
    }
    return false;
  }
}
