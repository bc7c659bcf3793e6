import { EventEmitter } from 'node:events';

/**
 * A signal as far as Piscina needs one. Every task for a thread has it, and an `AbortController` would be a good part of
 * what the task costs.
 */
export class KillSignal extends EventEmitter {
  aborted = false;

  abort(): void {
    this.aborted = true;
    this.emit('abort');
  }
}
