import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import type { PoolOptions } from '../background-tasks.options.ts';
import type { ThreadData, ThreadMessage, ThreadResponse } from './thread-messages.ts';
import type { ThreadRun } from './thread-run.ts';

/** Is told of what happens in the pool beside the runs. */
export interface ThreadPoolObserver {
  /** A thread has told something about the task with that id. */
  said(message: ThreadMessage): void;
  /** A thread has ended: as it was told to, or for a reason. */
  lost(error: unknown): void;
}

/**
 * Piscina, given no more than one task for each of its threads, so that nothing waits in it but for a thread to start. Its
 * own queue forgets `maxQueue` for tasks that can be aborted, lets them overtake each other, and strands those that wait
 * when a thread is killed.
 */
export class ThreadPool {
  readonly #piscina: Piscina;
  readonly #runKey: symbol;

  private constructor(piscina: Piscina, runKey: symbol) {
    this.#piscina = piscina;
    this.#runKey = runKey;
  }

  /** Loads Piscina, which an application without tasks for threads has no need of. */
  static async open(options: PoolOptions, observer: ThreadPoolObserver): Promise<ThreadPool> {
    const { Piscina } = await import('piscina');
    const { minThreads, maxThreads, idleTimeout, resourceLimits, execArgv, env } = options;
    const workerData: ThreadData = { runner: beside(`./thread-runner${extname(import.meta.url)}`).href };
    const piscina = new Piscina({
      filename: fileURLToPath(beside('./thread-entry.mjs')),
      workerData,
      minThreads,
      maxThreads,
      idleTimeout,
      maxQueue: maxThreads,
      atomics: 'disabled',
      // Every call is one that gives the task to a thread: this is how we know which one has it.
      loadBalancer: (task, workers) => {
        const idle = workers.find(({ currentUsage }) => currentUsage === 0);
        const run = (task as unknown as Record<symbol, ThreadRun>)[Piscina.queueOptionsSymbol]!;
        const thread = idle && piscina.threads.find(({ threadId }) => threadId === idle.id);
        if (thread) {
          run.begin(thread);
        }
        return idle ?? null;
      },
      ...(resourceLimits && { resourceLimits }),
      ...(execArgv && { execArgv }),
      ...(env && { env }),
    });
    let error: unknown;
    piscina.on('error', (reason: unknown) => (error = reason));
    piscina.on('workerDestroy', () =>
      // Piscina tells before it has counted the thread out, and of the error only then.
      setImmediate(() => {
        observer.lost(error);
        error = undefined;
      }),
    );
    piscina.on('message', (message: unknown) => {
      if (isThreadMessage(message)) {
        observer.said(message);
      }
    });
    return new ThreadPool(piscina, Piscina.queueOptionsSymbol);
  }

  get threads(): readonly Worker[] {
    return this.#piscina.threads;
  }

  /**
   * Rejects if the thread ends under the task, or is killed.
   *
   * @throws what `new Worker()` throws; Piscina then keeps the task for ever, so that the pool is to be left alone
   */
  run(run: ThreadRun): Promise<ThreadResponse> {
    const { request, killSignal, transferList } = run;
    return this.#piscina.run({ ...request, [this.#runKey]: run }, { signal: killSignal, transferList });
  }

  close(): Promise<void> {
    return this.#piscina.destroy();
  }
}

/** Tests and loaders add queries to the URL of this file, which `new URL` leaves behind. */
function beside(path: string): URL {
  return new URL(path, import.meta.url);
}

/** A task may talk to the parent port as well. */
function isThreadMessage(message: unknown): message is ThreadMessage {
  return typeof message === 'object' && message !== null && 'taskId' in message;
}
