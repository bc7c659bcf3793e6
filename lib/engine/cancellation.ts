import { type CancelReason, TaskCancelledError } from '../errors/task.errors.ts';
import type { Attempt } from '../execution/attempt.ts';
import type { BackgroundTask, Canceller } from '../task/handle/background-task.ts';

type State =
  | { readonly at: 'waiting'; readonly leave?: (() => void) | undefined; readonly onEnd?: (() => void) | undefined }
  | { readonly at: 'running'; readonly attempt: Attempt }
  | { readonly at: 'enqueueing'; readonly reason?: CancelReason | undefined; readonly lose: () => void }
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
 * | `over`       | the task is cancelled or settled                              | nothing                                                     |
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

  /** Why the task was cancelled while it was on its way into the queue. */
  get reason(): CancelReason | undefined {
    return this.#state.at === 'enqueueing' ? this.#state.reason : undefined;
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

  /** @param lose is called if the application closes before the queue has answered */
  isEnqueueing(lose: () => void): void {
    this.#state = { at: 'enqueueing', lose };
  }

  isEnqueued(askQueue: () => void): void {
    const { reason } = this;
    this.#state = { at: 'enqueued', askQueue };
    if (reason) {
      this.cancel(reason);
    }
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
        this.#state = { ...state, reason: state.reason ?? reason };
        if (reason === 'shutdown' && !state.reason) {
          state.lose();
        }
        return !state.reason;
      case 'enqueued':
        state.askQueue();
        return true;
      case 'over':
        break;
    }
    return false;
  }
}
