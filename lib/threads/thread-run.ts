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

/** Places in a `ThreadRequest`. */
const MODULE = 3;
const TELLS_BEGINNING = 6;

/**
 * One attempt on its way to a thread, in it, and back.
 *
 * The attempt begins when its function does. A thread that has loaded the task's module calls the function at once, so the
 * attempt begins as soon as the thread has it. Any other thread loads the module first, and tells when it calls the
 * function. A module has loaded in a thread when a function of it has begun there.
 */
export class ThreadRun {
  #findWorker?: () => Worker | undefined;
  #loaded?: Set<string>;
  #loadTimer?: NodeJS.Timeout;
  #hasBegun = false;
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
    this.request = [id, name, number, module, definedAs, call.args, true];
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
   * @param loaded the URLs of the modules that the thread has loaded
   */
  chosen(findWorker: () => Worker | undefined, loaded: Set<string>): void {
    this.#findWorker = findWorker;
    this.#loaded = loaded;
    if (this.#isLoaded) {
      this.request[TELLS_BEGINNING] = false;
      // Whoever hears of the beginning can cancel the task, for which it has to be in the thread.
      queueMicrotask(() => this.#begin());
    }
  }

  /** Calls back if the function has not begun after so many ms. */
  limitLoading(limit: number, onLimit: () => void): void {
    if (!this.#isLoaded) {
      this.#loadTimer = setTimeout(onLimit, limit);
    }
  }

  receive(message: ThreadMessage): void {
    if ('began' in message) {
      if (message.began === this.attempt.attempt) {
        this.#begin();
      }
    } else if ('signal' in message) {
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

  kill(worker = this.#findWorker?.()): void {
    if (this.killSignal.aborted) {
      return;
    }
    this.#exited = worker && new Promise((resolve) => worker.once('exit', () => resolve()));
    this.killSignal.abort();
  }

  settle(response: ThreadResponse): void {
    // From here on, killing the thread would not end the task, but the next one.
    this.#findWorker = undefined;
    if (response.status !== 'not loaded' && response.status !== 'not defined') {
      // The response can overtake the message that told of the beginning.
      this.#begin();
    }
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
    clearTimeout(this.#loadTimer);
    clearTimeout(this.#grace);
    this.#port?.close();
  }

  get #isLoaded(): boolean {
    return this.#loaded?.has(this.request[MODULE]) ?? false;
  }

  #begin(): void {
    // A thread that is being killed may tell of a beginning that nobody waits for any more.
    if (this.#hasBegun || this.killSignal.aborted) {
      return;
    }
    this.#hasBegun = true;
    this.#loaded?.add(this.request[MODULE]);
    clearTimeout(this.#loadTimer);
    this.attempt.begin();
  }
}
