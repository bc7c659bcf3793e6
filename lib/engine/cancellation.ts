import { type CancelReason, TaskCancelledError } from '../errors/task.errors.ts';
import type { Attempt } from '../execution/attempt.ts';
import type { BackgroundTask, Canceller } from '../task/handle/background-task.ts';

type State = 'waiting' | 'running' | 'enqueueing' | 'enqueued' | 'over';

/**
 * Decides what `cancel()` does to one task, by where the task is.
 *
 * | state        | entered when                                                  | what cancelling does                                        |
 * | ------------ | ------------------------------------------------------------- | ----------------------------------------------------------- |
 * | `waiting`    | the task is added; it waits for its turn, for a slot, a delay | ends the wait; the task is `cancelled` at once              |
 * | `running`    | an attempt starts                                             | aborts the attempt; the task is `cancelled` when that ends  |
 * | `enqueueing` | its list is flushed                                           | remembers the request, and asks the queue once it has the task |
 * | `enqueued`   | the queue has the task                                        | asks the queue: any process may run the task                |
 * | `over`       | the task is cancelled or settled                              | nothing                                                     |
 */
export class Cancellation<T> implements Canceller {
  #state: State = 'waiting';
  /** Of `waiting`: ends the wait, and is called once the task is cancelled. */
  #leave: (() => void) | undefined;
  #onEnd: (() => void) | undefined;
  /** Of `running`. */
  #attempt: Attempt | undefined;
  /** Of `enqueueing`: why somebody has cancelled the task since. */
  #reason: CancelReason | undefined;
  /** Of `enqueueing`. */
  #lose: (() => void) | undefined;
  /** Of `enqueued`. */
  #askQueue: (() => void) | undefined;

  /**
   * @param stop settles the task as `cancelled`. It is given `subject`, so that all tasks share one function.
   */
  constructor(
    private readonly task: BackgroundTask,
    private readonly subject: T,
    private readonly stop: (subject: T, error: TaskCancelledError) => void,
  ) {
    task.setCanceller(this);
  }

  /** Why the task was cancelled while it was on its way into the queue. */
  get reason(): CancelReason | undefined {
    return this.#state === 'enqueueing' ? this.#reason : undefined;
  }

  /**
   * @param leave ends the wait: clears a timer, gives up a place
   * @param onEnd is called once the task has been cancelled
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
  isEnqueueing(lose: () => void): void {
    this.#state = 'enqueueing';
    this.#lose = lose;
  }

  isEnqueued(askQueue: () => void): void {
    const { reason } = this;
    this.#state = 'enqueued';
    this.#askQueue = askQueue;
    if (reason) {
      this.cancel(reason);
    }
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
        const isFirst = this.#reason === undefined;
        this.#reason ??= reason;
        if (isFirst && reason === 'shutdown') {
          this.#lose!();
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
