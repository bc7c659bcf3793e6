import { EventEmitter } from 'node:events';

/**
 * A signal as far as Piscina needs one. Every task for a thread has it, and an `AbortController` would be a good part of
 * what the task costs.
 */
export class KillSignal extends EventEmitter {
  aborted = false;
  #isForgetting = false;

  abort(): void {
    this.aborted = true;
    this.emit('abort');
  }

  /**
   * Has Piscina drop a task that it could start no thread for, and that it would give to the next thread there is. Its
   * promise must not be rejected: nobody has got it, since the call that was to return it threw.
   */
  forget(): void {
    this.#isForgetting = true;
    try {
      this.abort();
    } catch (error) {
      if (!(error instanceof Forgotten)) {
        throw error;
      }
    }
  }

  /** Piscina asks for it when it has marked the task as aborted, and before it rejects. */
  get reason(): undefined {
    if (this.#isForgetting) {
      throw new Forgotten();
    }
    return undefined;
  }
}

class Forgotten extends Error {}
