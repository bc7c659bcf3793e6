import { type CancelReason, TaskCancelledError } from '../errors/task.errors.ts';
import type { BackgroundTask, Canceller } from '../task/handle/background-task.ts';

type State = 'waiting' | 'enqueueing' | 'enqueued' | 'over';

/**
 * Decides what `cancel()` does to a durable task until its queue owns it. That depends on the task's state:
 *
 * | state        | entered when                                  | what `cancel()` does                                      |
 * | ------------ | --------------------------------------------- | --------------------------------------------------------- |
 * | `waiting`    | the task waits for the flush of its list      | the task is `cancelled` at once                           |
 * | `enqueueing` | the list flushes the task                     | remembers it, and asks the queue once it has the task     |
 * |              | and until the application's transaction ends  | a shutdown leaves it to the queue                         |
 * | `enqueued`   | the queue has the task                        | asks the queue, because any process may run the task      |
 * | `over`       | the task is cancelled                         | nothing                                                   |
 *
 * The handle of a settled task no longer calls this class.
 */
export class UnflushedCancellation implements Canceller {
  #state: State = 'waiting';
  /** Read only in `waiting`. */
  #leave: (() => void) | undefined;
  /** Set by `cancel()` in `enqueueing`. */
  #requested: CancelReason | undefined;
  /** Read only in `enqueueing`: see `goesToQueue`. */
  #lose: (() => void) | undefined;
  /** Set in `enqueueing`, once the task is part of a transaction of the application. */
  #leaveToQueue: (() => void) | undefined;
  /** Read only in `enqueued`. */
  #askQueue: (() => void) | undefined;

  /**
   * @param leave takes the task out of its list
   * @param stop settles the task as `cancelled`
   */
  constructor(
    private readonly task: BackgroundTask,
    leave: () => void,
    private readonly stop: (task: BackgroundTask, error: TaskCancelledError) => void,
  ) {
    this.#leave = leave;
    task.setCanceller(this);
  }

  /** Why the task was cancelled while it was being enqueued. `undefined` if it was not. */
  get requested(): CancelReason | undefined {
    return this.#requested;
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

  /** @returns whether this call cancels the task */
  cancel(reason: CancelReason): boolean {
    switch (this.#state) {
      case 'waiting':
        this.#state = 'over';
        this.#leave?.();
        this.stop(this.task, new TaskCancelledError(this.task.name, reason));
        return true;
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
