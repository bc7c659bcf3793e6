import type { MessagePort, Worker } from 'node:worker_threads';
import { TaskThreadError } from '../errors/task.errors.ts';
import type { AbortReason, Attempt } from '../execution/attempt.ts';
import { memoryIn } from '../task/call/move.ts';
import { KillSignal } from './kill-signal.ts';
import { moduleNotLoaded, resultNotCloned, taskNotDefined } from './threads.messages.ts';
import { packThrown, unpackThrown } from './wire/packed-error.ts';
import type { AbortMessage, ThreadMessage, ThreadRequest, ThreadResponse } from './wire/protocol.ts';

/** ms for a task that has looked at its signal to end by itself, before its thread is killed. */
const ABORT_GRACE = 500;

/** One attempt on its way to a thread, in it, and back. */
export class ThreadRun {
  #findWorker?: () => Worker | undefined;
  #exited?: Promise<void>;
  #port?: MessagePort;
  #grace?: NodeJS.Timeout;
  #updates = 0;
  readonly request: ThreadRequest;

  /** Aborts when the thread is to be killed, or no thread is to be given any more. */
  readonly killSignal = new KillSignal();

  constructor(
    readonly attempt: Attempt,
    readonly resolve: (result: unknown) => void,
    readonly reject: (error: unknown) => void,
  ) {
    const { id, name, attempt: number, call } = attempt;
    const { module, name: definedAs } = call.definition!.thread!;
    this.request = [id, name, number, module, definedAs, call.args];
  }

  /** The arguments are a clone that nobody else has, so all of their memory can be moved, if no other attempt needs it. */
  get transferList(): ArrayBuffer[] {
    return this.attempt.isLast ? memoryIn(this.attempt.call.args) : [];
  }

  get isInThread(): boolean {
    return this.#findWorker !== undefined;
  }

  /** Resolves when no thread runs it any more. */
  get gone(): Promise<void> | undefined {
    return this.#exited;
  }

  /**
   * Is told when it is about to be handed to a thread.
   *
   * @param findWorker since looking for it would cost each task, and is for the few that are killed
   */
  chosen(findWorker: () => Worker | undefined): void {
    this.#findWorker = findWorker;
    // Whoever hears of the beginning can cancel the task, for which it has to be in the thread.
    queueMicrotask(() => {
      if (!this.attempt.abortReason) {
        this.attempt.begin();
      }
    });
  }

  receive(message: ThreadMessage): void {
    if ('signal' in message) {
      this.#port = message.signal;
    } else {
      this.#updates++;
      this.attempt.updateProgress(message.progress);
    }
  }

  /** Kills the thread, at once if the task hasn't looked at its signal. */
  abort(reason: AbortReason): void {
    if (this.#port) {
      this.#port.postMessage({ abort: packThrown(reason) } satisfies AbortMessage);
      this.#grace = setTimeout(() => this.kill(), ABORT_GRACE);
    } else {
      this.kill();
    }
  }

  kill(): void {
    const worker = this.#findWorker?.();
    this.#exited = worker && new Promise((resolve) => worker.once('exit', () => resolve()));
    this.killSignal.abort();
  }

  settle(response: ThreadResponse): void {
    if (response.progress !== undefined && response.updates !== this.#updates) {
      this.attempt.updateProgress(response.progress);
    }
    const { name, call } = this.attempt;
    const { module, name: definedAs } = call.definition!.thread!;
    switch (response.status) {
      case 'completed':
        return this.resolve(response.result);
      case 'threw':
        return this.reject(unpackThrown(response.error));
      case 'not loaded':
        return this.reject(new TaskThreadError(moduleNotLoaded(name, module), { cause: unpackThrown(response.error) }));
      case 'not defined':
        return this.reject(new TaskThreadError(taskNotDefined(name, definedAs, module)));
      case 'result not cloned':
        return this.reject(new TaskThreadError(resultNotCloned(name), { cause: unpackThrown(response.error) }));
    }
  }

  end(): void {
    clearTimeout(this.#grace);
    this.#port?.close();
  }
}
