import { type CancelReason, TaskCancelledError } from '../errors/task.errors.ts';
import type { Attempt } from '../execution/attempt.ts';
import type { BackgroundTask, Canceller } from '../task/handle/background-task.ts';

type State =
  | { readonly at: 'waiting'; readonly leave?: (() => void) | undefined; readonly onEnd?: (() => void) | undefined }
  | { readonly at: 'running'; readonly attempt: Attempt }
  | { readonly at: 'enqueueing'; readonly isRequested: boolean }
  | { readonly at: 'enqueued'; readonly askQueue: () => void }
  | { readonly at: 'over' };

const WAITING: State = { at: 'waiting' };
const OVER: State = { at: 'over' };

/**
 * Decides what `cancel()` does to one task, by where the task is.
 *
 * | state        | entered when                                                  | what cancelling does                                        |
 * | ------------ | ------------------------------------------------------------- | ----------------------------------------------------------- |
 * | `waiting`    | the task is added; it waits for its turn, for a slot, a delay | ends the wait; the task is `cancelled` at once              |
 * | `running`    | an attempt starts                                             | aborts the attempt; the task is `cancelled` when that ends  |
 * | `enqueueing` | its list is flushed                                           | remembers the request, and asks the queue once it has the task |
 * | `enqueued`   | the queue has the task                                        | asks the queue: any process may run the task                |
 * | `over`       | the task is cancelled, settled, or back in its queue          | nothing                                                     |
 */
export class Cancellation implements Canceller {
  #state: State = WAITING;

  /** @param stop settles the task as `cancelled` */
  constructor(
    private readonly task: BackgroundTask,
    private readonly stop: (error: TaskCancelledError) => void,
  ) {
    task.setCanceller(this);
  }

  /** Whether somebody has cancelled the task while it was on its way into the queue. */
  get isRequested(): boolean {
    return this.#state.at === 'enqueueing' && this.#state.isRequested;
  }

  /**
   * @param leave ends the wait: clears a timer, gives up a place
   * @param onEnd is called once the task has been cancelled
   */
  waits(leave?: () => void, onEnd?: () => void): void {
    this.#state = leave || onEnd ? { at: 'waiting', leave, onEnd } : WAITING;
  }

  runs(attempt: Attempt): void {
    this.#state = { at: 'running', attempt };
  }

  isEnqueueing(): void {
    this.#state = { at: 'enqueueing', isRequested: false };
  }

  isEnqueued(askQueue: () => void): void {
    const { isRequested } = this;
    this.#state = { at: 'enqueued', askQueue };
    if (isRequested) {
      this.cancel('requested');
    }
  }

  isReleased(): void {
    this.#state = OVER;
  }

  /** @returns whether this call cancels the task */
  cancel(reason: CancelReason): boolean {
    const state = this.#state;
    this.#state = OVER;
    switch (state.at) {
      case 'waiting':
        state.leave?.();
        this.stop(new TaskCancelledError(this.task.name, reason));
        state.onEnd?.();
        return true;
      case 'running':
        return state.attempt.abort(new TaskCancelledError(this.task.name, reason));
      case 'enqueueing':
        this.#state = { at: 'enqueueing', isRequested: true };
        return !state.isRequested;
      case 'enqueued':
        state.askQueue();
        return true;
      case 'over':
        break;
    }
    return false;
  }
}
