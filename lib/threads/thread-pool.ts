import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MessagePort, type Worker } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import { retryUntil } from '../util/retry-until.ts';
import { now, setImmediate } from '../util/timers.ts';
import type { PoolOptions } from './pool.options.ts';
import type { ThreadRun } from './thread-run.ts';
import { ThreadStartError } from './thread-start.error.ts';
import type { ThreadData, ThreadMessage, ThreadRequest, ThreadResponse, ThreadUp } from './wire/protocol.ts';
import { workerFolder } from './worker/folder.cjs';

export interface ThreadPoolObserver {
  /** A thread has posted a message about the run with the id `runId`. */
  onMessage(message: ThreadMessage): void;
  /** A thread has ended. `error` is what ended it: `undefined` if the pool did. */
  onThreadEnd(error: unknown): void;
}

/** ms that a thread has to come up when the pool closes. A thread that is terminated while it starts leaks file descriptors. */
const STARTING_GRACE = 2_000;

/** By the id of each thread that is ready: the URLs of the modules that it has loaded. */
type LoadedModules = Map<number, Set<string>>;

/**
 * Wraps Piscina. The executor gives it at most one run for each thread, so Piscina never has to queue (`thread.executor.ts`
 * says why). This class adds what Piscina doesn't offer: which thread has a run, which modules that thread has loaded, and an
 * error if a thread can't start. A pool is open, then retired (it gets no more runs) or closed.
 */
export class ThreadPool {
  readonly #piscina: Piscina;
  /** Piscina hands the value of this property of a request to the load balancer. */
  readonly #runKey: symbol;
  readonly #loadedModules: LoadedModules;
  /** Threads that were terminated before they were ready. Piscina lists them until they have exited. */
  readonly #terminated = new WeakSet<Worker>();
  /** The ids of the threads that have loaded their entry. Piscina takes a thread of `minThreads` for ready before that. */
  readonly #up = new Set<number>();
  #isRetired = false;

  private constructor(piscina: Piscina, runKey: symbol, loadedModules: LoadedModules) {
    this.#piscina = piscina;
    this.#runKey = runKey;
    this.#loadedModules = loadedModules;
  }

  /** Imports Piscina here, so that an application without tasks for threads never loads it. */
  static async open(options: PoolOptions, observer: ThreadPoolObserver): Promise<ThreadPool> {
    const { default: all } = await import('piscina');
    // From the default export: some compilers to CommonJS lose the named ones.
    const { Piscina } = all;
    const loadedModules: LoadedModules = new Map();
    const { minThreads, maxThreads, idleTimeout, resourceLimits, execArgv, env } = options;
    const workerData: ThreadData = { runner: pathToFileURL(runnerPath()).href };
    const piscina: Piscina = startingThreads(
      () =>
        new Piscina({
          filename: join(workerFolder, 'entry.mjs'),
          workerData,
          minThreads,
          maxThreads,
          idleTimeout,
          maxQueue: maxThreads,
          atomics: 'disabled',
          // Piscina posts the task to the thread that this returns, so here the run learns which thread has it.
          loadBalancer: (task, workers) => {
            // Piscina offers threads that are still starting too. A ready one runs the task sooner.
            const idle = workers.find(({ id, currentUsage }) => currentUsage === 0 && loadedModules.has(id));
            const run = (task as unknown as Record<symbol, ThreadRun>)[Piscina.queueOptionsSymbol]!;
            if (idle) {
              const { id } = idle;
              run.assignThread(() => piscina.threads.find(({ threadId }) => threadId === id), loadedModules.get(id)!);
            }
            return idle ?? null;
          },
          ...(resourceLimits && { resourceLimits }),
          ...(execArgv && { execArgv }),
          ...(env && { env }),
        }),
    );
    const pool = new ThreadPool(piscina, Piscina.queueOptionsSymbol, loadedModules);
    let error: unknown;
    piscina.on('error', (reason: unknown) => (error = reason));
    piscina.on('workerCreate', ({ id }: { id: number }) => loadedModules.set(id, new Set()));
    piscina.on('workerDestroy', () =>
      // Piscina emits this before it removes the thread from `threads`, and before it emits 'error'.
      setImmediate(() => {
        const alive = new Set(piscina.threads.map(({ threadId }) => threadId));
        for (const ids of [loadedModules, pool.#up]) {
          [...ids.keys()].filter((id) => !alive.has(id)).forEach((id) => ids.delete(id));
        }
        if (!pool.#isRetired) {
          observer.onThreadEnd(error);
        }
        error = undefined;
      }),
    );
    piscina.on('message', (message: unknown) => {
      if (isThreadMessage(message)) {
        observer.onMessage(message);
      } else if (isThreadUp(message)) {
        pool.#up.add(message.threadUp);
      }
    });
    return pool;
  }

  get threads(): readonly Worker[] {
    return this.#piscina.threads;
  }

  /**
   * Gives the run to a thread. Rejects if the thread ends before it answers.
   *
   * @returns null if an uncaught `throw null` ended the thread: Piscina takes it for success
   * @throws ThreadStartError if no thread can start. The pool must be retired then, because Piscina keeps the run.
   */
  run(run: ThreadRun): Promise<ThreadResponse | null> {
    const { request, killSignal, transferList } = run;
    (request as ThreadRequest & Record<symbol, ThreadRun>)[this.#runKey] = run;
    return startingThreads(() => this.#piscina.run(request, { signal: killSignal, transferList }));
  }

  /** Terminates the thread that has been starting for longest. */
  terminateStarting(): Worker | undefined {
    // Piscina lists threads in the order in which they started.
    const starting = this.threads.find(
      (thread) => !this.#loadedModules.has(thread.threadId) && !this.#terminated.has(thread),
    );
    if (starting) {
      this.#terminated.add(starting);
      void starting.terminate();
    }
    return starting;
  }

  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** After this call the pool gets no more runs, and reports no end of a thread. Its threads finish what they run. */
  retire(): void {
    this.#isRetired = true;
  }

  /** Terminates all threads. One that is still starting comes up first, for at most `STARTING_GRACE`. */
  async close(): Promise<void> {
    const deadline = now() + STARTING_GRACE;
    await retryUntil(async () => this.threads.every(({ threadId }) => this.#up.has(threadId)) || undefined, {
      delay: 5,
      shouldStop: () => now() > deadline,
    });
    if (this.#isRetired) {
      // `destroy()` would also reject the run that Piscina has kept. No code has its promise: see `abortSilently`.
      await Promise.all(this.threads.map((thread) => thread.terminate()));
    } else {
      await this.#piscina.destroy();
    }
  }
}

/** The compiled module, or its source if this package runs from its sources. */
function runnerPath(): string {
  const compiled = join(workerFolder, 'run-task.js');
  return existsSync(compiled) ? compiled : join(workerFolder, 'run-task.ts');
}

/** @throws ThreadStartError with what `new Worker()` throws as its cause */
function startingThreads<T>(start: () => T): T {
  try {
    return start();
  } catch (error) {
    throw new ThreadStartError(error);
  }
}

function isThreadUp(message: unknown): message is ThreadUp {
  return (
    typeof message === 'object' && message !== null && 'threadUp' in message && typeof message.threadUp === 'number'
  );
}

/** A task can post messages of its own to the parent port, so any value can arrive. */
function isThreadMessage(message: unknown): message is ThreadMessage {
  if (typeof message !== 'object' || message === null || !('runId' in message)) {
    return false;
  }
  return 'abortPort' in message
    ? message.abortPort instanceof MessagePort
    : 'progress' in message || 'hasBegun' in message;
}
