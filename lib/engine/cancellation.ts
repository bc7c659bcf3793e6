import { type CancelReason, TaskCancelledError } from '../errors/task.errors.ts';
import type { Attempt } from '../execution/attempt.ts';
import type { BackgroundTask, Canceller } from '../task/handle/background-task.ts';

type State =
  | { readonly at: 'waiting'; readonly leave?: (() => void) | undefined; readonly onEnd?: (() => void) | undefined }
  | { readonly at: 'running'; readonly attempt: Attempt }
  | { readonly at: 'enqueueing'; readonly requested?: CancelReason }
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
  /** None once the queue has the task, so that a kept handle keeps no arguments. */
  #stop: ((error: TaskCancelledError) => void) | undefined;

  /** @param stop settles the task as `cancelled` */
  constructor(
    private readonly task: BackgroundTask,
    stop: (error: TaskCancelledError) => void,
  ) {
    this.#stop = stop;
    task.setCanceller(this);
  }

  /** Why somebody has cancelled the task while it was on its way into the queue. */
  get requested(): CancelReason | undefined {
    return this.#state.at === 'enqueueing' ? this.#state.requested : undefined;
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
    this.#state = { at: 'enqueueing' };
  }

  isEnqueued(askQueue: () => void): void {
    const { requested } = this;
    this.#stop = undefined;
    this.#state = { at: 'enqueued', askQueue };
    if (requested) {
      this.cancel(requested);
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
        this.#stop?.(new TaskCancelledError(this.task.name, reason));
        state.onEnd?.();
        return true;
      case 'running':
        return state.attempt.abort(new TaskCancelledError(this.task.name, reason));
      case 'enqueueing':
        this.#state = { at: 'enqueueing', requested: state.requested ?? reason };
        return !state.requested;
      case 'enqueued':
        state.askQueue();
        return true;
      case 'over':
        break;
    }
    return false;
  }
}
