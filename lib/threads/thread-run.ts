import type { MessagePort, Worker } from 'node:worker_threads';
import { TaskThreadError } from '../errors/task.errors.ts';
import type { AbortReason, Attempt } from '../execution/attempt.ts';
import { memoryIn } from '../task/call/move.ts';
import type { ThreadDefinition } from '../task/definition/task-definition.ts';
import { readCarrier } from '../task/model/task-carrier.ts';
import { clearInterval, clearTimeout, setInterval, setTimeout, soon } from '../util/timers.ts';
import { isPrimitive } from '../util/clone.ts';
import { KillSignal } from './kill-signal.ts';
import { moduleNotLoaded, resultNotCloned, taskNotDefined } from './threads.messages.ts';
import { createBeginning, tryWithdraw } from './wire/beginning.ts';
import { packThrown, unpackThrown } from './wire/packed-error.ts';
import {
  type AbortMessage,
  BEGINNING,
  type ThreadMessage,
  type ThreadRequest,
  type ThreadResponse,
  TRACED,
} from './wire/protocol.ts';

/** ms between aborting a task that has read its signal, and killing its thread. */
const ABORT_GRACE = 500;

/**
 * ms that a thread has to finish loading after its run was withdrawn. A thread that is terminated while it loads a file leaks
 * the file's descriptor (Node 20 and 22). A thread that takes longer than this most likely waits for something else.
 */
const LOADING_GRACE = 2_000;

/**
 * The limit for loading counts this many ticks of a timer. After the process was frozen, or its event loop blocked, a single
 * timer would fire and end a run whose thread is ready.
 */
const LOAD_TICKS = 10;

/** How many runs this process has made. */
let count = 0;

/**
 * Carries one attempt to a thread and its result back. Its states:
 *
 * - waiting for a thread, in the executor's queue and then in the pool, until the pool picks one (`assignThread`);
 * - loading: the thread imports the module of the task, until it reports that it calls the function (`receive`). A thread
 *   in which a task of this module has begun before skips this state;
 * - running: the attempt has begun, and its timeout counts, until the thread answers (`settle`);
 * - withdrawn: it was aborted while its thread loaded the module. The attempt is rejected, the function never begins, and the
 *   thread is free for the next run when it has loaded the module. If that takes too long, the run is killed;
 * - ending: it was aborted (`abort`), or no thread got it or loaded its module in time (`kill`), until the thread answers or
 *   exits. Each state above can lead here, except in the executor's queue: a run that is aborted there is gone at once;
 * - gone: no thread runs it, and `dispose` has freed what it held.
 */
export class ThreadRun {
  /** Set while a thread has the request. */
  #findWorker?: () => Worker | undefined;
  /** The URLs of the modules that its thread has loaded. All runs of that thread share the set. */
  #loadedModules?: Set<string>;
  #loadTimer?: NodeJS.Timeout;
  #hasBegun = false;
  #threadExit?: Promise<void>;
  #withdrawal?: Promise<void>;
  #endWithdrawal?: () => void;
  /** Set once the task has read its signal. */
  #abortPort?: MessagePort;
  #graceTimer?: NodeJS.Timeout;
  /** How many messages about progress have arrived. */
  #updates = 0;
  /** Two attempts of one task can be in threads at once: the thread of a killed one takes time to exit. */
  readonly id = count++;
  readonly definition: ThreadDefinition;
  readonly #args: readonly unknown[];
  readonly request: ThreadRequest;

  /** Aborts to kill the thread, or to keep the pool from picking one. */
  readonly killSignal = new KillSignal();

  constructor(
    readonly attempt: Attempt,
    readonly resolve: (result: unknown) => void,
    readonly reject: (error: unknown) => void,
  ) {
    const { id, name, attempt: number, call } = attempt;
    this.definition = call.definition!.thread!;
    this.#args = call.args;
    this.request = [
      this.definition.module,
      this.definition.name,
      id,
      name,
      number,
      call.args,
      this.id,
      undefined,
      undefined,
    ];
  }

  /** The arguments are already a clone. Only another attempt could still need them, so the last one moves all their memory. */
  get transferList(): ArrayBuffer[] {
    return this.attempt.isLast ? memoryIn(this.#args) : [];
  }

  get isInThread(): boolean {
    return this.#findWorker !== undefined;
  }

  /** Resolves when the thread that `kill` ends has exited. Undefined if it ends none. */
  get threadExit(): Promise<void> | undefined {
    return this.#threadExit;
  }

  /** Resolves when the thread of a withdrawn run is free or has exited. Undefined if the run was not withdrawn. */
  get withdrawal(): Promise<void> | undefined {
    return this.#withdrawal;
  }

  /**
   * The pool calls this right before it posts the request to a thread.
   *
   * @param findWorker a function, because the search would cost every run, and only a killed one needs the worker
   * @param loadedModules the URLs of the modules that the thread has loaded
   */
  assignThread(findWorker: () => Worker | undefined, loadedModules: Set<string>): void {
    this.#findWorker = findWorker;
    this.#loadedModules = loadedModules;
    this.#publishStart();
    // Large arguments take the thread a while to read, so it says when it calls the function.
    if (this.#isLoaded && this.#args.every(isPrimitive)) {
      // Later, when Piscina has posted the request: a subscriber of `started` may cancel the task, which kills the thread.
      soon(() => this.#begin());
    } else {
      this.request[BEGINNING] = createBeginning();
    }
  }

  /** Calls `onLimit` if the function has not begun after `limit` ms. The time in which this process is blocked doesn't count. */
  limitLoading(limit: number, onLimit: () => void): void {
    if (!this.#isLoaded) {
      let ticks = 0;
      this.#loadTimer = setInterval(() => {
        ticks++;
        if (ticks === LOAD_TICKS) {
          onLimit();
        }
      }, limit / LOAD_TICKS);
    }
  }

  receive(message: ThreadMessage): void {
    if ('hasBegun' in message) {
      this.#begin();
    } else if ('abortPort' in message) {
      this.#abortPort = message.abortPort;
    } else {
      this.#updates++;
      this.attempt.updateProgress(message.progress);
    }
  }

  /**
   * Withdraws the run if its thread still loads the module. Otherwise kills the thread: after `ABORT_GRACE` if the task has
   * read its signal, at once if not.
   */
  abort(reason: AbortReason): void {
    const beginning = this.request[BEGINNING];
    if (beginning && tryWithdraw(beginning)) {
      this.reject(reason);
      this.#withdrawal = new Promise((resolve) => (this.#endWithdrawal = resolve));
      this.#graceTimer = setTimeout(() => this.kill(), LOADING_GRACE);
    } else if (this.#abortPort) {
      this.#abortPort.postMessage({ reason: packThrown(reason) } satisfies AbortMessage);
      this.#graceTimer = setTimeout(() => this.kill(), ABORT_GRACE);
    } else {
      this.kill();
    }
  }

  /** @param worker the thread that ends; by default the one that has the request */
  kill(worker = this.#findWorker?.()): void {
    if (this.killSignal.aborted) {
      return;
    }
    this.#threadExit = worker && new Promise((resolve) => worker.once('exit', () => resolve()));
    this.killSignal.abort();
  }

  settle(response: ThreadResponse): void {
    // The thread is free for the next run: to kill it now would hit that one.
    this.#findWorker = undefined;
    if (response.status === 'withdrawn') {
      this.#loadedModules?.add(this.definition.module);
      return;
    }
    if (response.status !== 'not loaded' && response.status !== 'not defined') {
      // The response can overtake the message `hasBegun`.
      this.#begin();
    }
    if (response.progress !== undefined && response.updates !== this.#updates) {
      this.attempt.updateProgress(response.progress);
    }
    const { name } = this.attempt;
    const { module, name: definitionName } = this.definition;
    switch (response.status) {
      case 'completed':
        return this.resolve(response.result);
      case 'threw':
        return this.reject(unpackThrown(response.error));
      case 'not loaded':
        return this.reject(new TaskThreadError(moduleNotLoaded(name, module), { cause: unpackThrown(response.error) }));
      case 'not defined':
        return this.reject(new TaskThreadError(taskNotDefined(name, definitionName, module)));
      case 'result not cloned':
        return this.reject(new TaskThreadError(resultNotCloned(name), { cause: unpackThrown(response.error) }));
    }
  }

  dispose(): void {
    clearInterval(this.#loadTimer);
    clearTimeout(this.#graceTimer);
    this.#abortPort?.close();
    this.#endWithdrawal?.();
  }

  /** Here and not where the attempt begins, so that what subscribers add can travel with the request. */
  #publishStart(): void {
    const { trace, call } = this.attempt;
    if (trace) {
      call.scope.runInAsyncScope(() => trace.start());
      const { task, target, queue, carrier, isTracedByQueue } = trace.message;
      this.request[TRACED] = { task, target, queue, carrier: readCarrier(carrier) ?? {}, isTracedByQueue };
    }
  }

  get #isLoaded(): boolean {
    return this.#loadedModules?.has(this.definition.module) ?? false;
  }

  #begin(): void {
    // A thread that is being killed can still report the beginning of a rejected attempt.
    if (this.#hasBegun || this.killSignal.aborted) {
      return;
    }
    this.#hasBegun = true;
    this.#loadedModules?.add(this.definition.module);
    clearInterval(this.#loadTimer);
    this.attempt.begin();
  }
}
