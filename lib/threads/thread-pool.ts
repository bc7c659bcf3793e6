import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MessagePort, type Worker } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import type { PoolOptions } from './pool.options.ts';
import type { ThreadRun } from './thread-run.ts';
import { ThreadStartError } from './thread-start.error.ts';
import type { ThreadData, ThreadMessage, ThreadResponse } from './wire/protocol.ts';
import { workerFolder } from './worker/folder.cjs';

/** Is told of what happens in the pool beside the runs. */
export interface ThreadPoolObserver {
  /** A thread has told something about the task with that id. */
  said(message: ThreadMessage): void;
  /** A thread has ended: as it was told to, or for a reason. */
  lost(error: unknown): void;
}

/** The URLs of the modules that each thread has loaded, by the ids of the threads that have started. */
type LoadedModules = Map<number, Set<string>>;

/**
 * Piscina, given no more than one task for each of its threads, so that nothing waits in it but for a thread to start. Its
 * own queue forgets `maxQueue` for tasks that can be aborted, lets them overtake each other, and strands those that wait
 * when a thread is killed.
 */
export class ThreadPool {
  readonly #piscina: Piscina;
  readonly #runKey: symbol;
  readonly #modules: LoadedModules;
  readonly #ended = new WeakSet<Worker>();
  #isRetired = false;

  private constructor(piscina: Piscina, runKey: symbol, modules: LoadedModules) {
    this.#piscina = piscina;
    this.#runKey = runKey;
    this.#modules = modules;
  }

  /** Loads Piscina, which an application without tasks for threads has no need of. */
  static async open(options: PoolOptions, observer: ThreadPoolObserver): Promise<ThreadPool> {
    const { default: all } = await import('piscina');
    // Taken from the default export, since not every way of making CommonJS of this leaves the named ones.
    const { Piscina } = all;
    const modules: LoadedModules = new Map();
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
          // Every call is one that gives the task to a thread: this is how we know which one has it.
          loadBalancer: (task, workers) => {
            // Those that are still starting are offered too, and one that is ready may be free before them.
            const idle = workers.find(({ id, currentUsage }) => currentUsage === 0 && modules.has(id));
            const run = (task as unknown as Record<symbol, ThreadRun>)[Piscina.queueOptionsSymbol]!;
            if (idle) {
              const { id } = idle;
              run.chosen(() => piscina.threads.find(({ threadId }) => threadId === id), modules.get(id)!);
            }
            return idle ?? null;
          },
          ...(resourceLimits && { resourceLimits }),
          ...(execArgv && { execArgv }),
          ...(env && { env }),
        }),
    );
    const pool = new ThreadPool(piscina, Piscina.queueOptionsSymbol, modules);
    let error: unknown;
    piscina.on('error', (reason: unknown) => (error = reason));
    piscina.on('workerCreate', ({ id }: { id: number }) => modules.set(id, new Set()));
    piscina.on('workerDestroy', () =>
      // Piscina tells before it has counted the thread out, and of the error only then.
      setImmediate(() => {
        const alive = new Set(piscina.threads.map(({ threadId }) => threadId));
        [...modules.keys()].filter((id) => !alive.has(id)).forEach((id) => modules.delete(id));
        if (!pool.#isRetired) {
          observer.lost(error);
        }
        error = undefined;
      }),
    );
    piscina.on('message', (message: unknown) => {
      if (isThreadMessage(message)) {
        observer.said(message);
      }
    });
    return pool;
  }

  get threads(): readonly Worker[] {
    return this.#piscina.threads;
  }

  /**
   * Rejects if the thread ends under the task, or is killed.
   *
   * @returns null if it has ended by `throw null`, which looks to Piscina as if it went well
   * @throws ThreadStartError after which the pool is of no use, since Piscina keeps the task for ever
   */
  run(run: ThreadRun): Promise<ThreadResponse | null> {
    const { request, killSignal, transferList } = run;
    const message = Object.assign(request, { [this.#runKey]: run });
    return startingThreads(() => this.#piscina.run(message, { signal: killSignal, transferList }));
  }

  /** Ends the thread that has been starting for longest. */
  endStarting(): Worker | undefined {
    // Piscina lists threads in the order in which they were started, and those that have ended only a moment later.
    const starting = this.threads.find((thread) => !this.#modules.has(thread.threadId) && !this.#ended.has(thread));
    if (starting) {
      this.#ended.add(starting);
      void starting.terminate();
    }
    return starting;
  }

  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** To be called when it is given up: what runs goes on, and no more is given to it. */
  retire(): void {
    this.#isRetired = true;
  }

  async close(): Promise<void> {
    if (this.#isRetired) {
      // By itself, it would reject tasks whose callers know of their end already.
      await Promise.all(this.threads.map((thread) => thread.terminate()));
    } else {
      await this.#piscina.destroy();
    }
  }
}

/** Compiled, or where this package is run from its sources not yet. */
function runnerPath(): string {
  const compiled = join(workerFolder, 'run-task.js');
  return existsSync(compiled) ? compiled : join(workerFolder, 'run-task.ts');
}

/** @throws ThreadStartError in place of what `new Worker()` throws */
function startingThreads<T>(start: () => T): T {
  try {
    return start();
  } catch (error) {
    throw new ThreadStartError(error);
  }
}

/** A task may talk to the parent port as well. */
function isThreadMessage(message: unknown): message is ThreadMessage {
  if (typeof message !== 'object' || message === null || !('taskId' in message)) {
    return false;
  }
  return 'signal' in message ? message.signal instanceof MessagePort : 'progress' in message || 'began' in message;
}
