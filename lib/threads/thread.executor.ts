import { TaskArgumentError, TaskCancelledError, TaskThreadError } from '../errors/task.errors.ts';
import { TooManyTasksError } from '../errors/unavailable.errors.ts';
import type { Attempt } from '../execution/attempt.ts';
import type { TaskExecutor } from '../execution/task-executor.ts';
import { movedIn } from '../task/call/move.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import type { TaskStats } from '../task/model/task-stats.ts';
import { isPrimitive } from '../util/clone.ts';
import type { PoolOptions } from './pool.options.ts';
import type { ThreadPool } from './thread-pool.ts';
import { ThreadRun } from './thread-run.ts';
import { ThreadStartError } from './thread-start.error.ts';
import {
  argumentNotCloned,
  threadCrashed,
  threadExited,
  threadNotReady,
  threadNotStarted,
  threadOutOfMemory,
  tooManyForThreads,
} from './threads.messages.ts';

/** Replaces the time limit for loading in tests. Nothing else provides it. */
export const THREAD_LOAD_LIMIT = Symbol('THREAD_LOAD_LIMIT');

/** ms for a thread to start and to load the file of its task. */
const LOAD_LIMIT = 60_000;

/** Runs tasks in worker threads, first in, first out, as many at once as there may be threads. */
export class ThreadExecutor implements TaskExecutor {
  /** First in, first out, as a Set keeps its order; and one that is cancelled leaves its place, with its arguments. */
  readonly #waiting = new Set<ThreadRun>();
  readonly #running = new Map<string, ThreadRun>();
  #admitted = 0;
  #opening?: Promise<ThreadPool>;
  #pool?: ThreadPool;
  /** Those of no more use that have threads in which tasks still run. */
  readonly #retired = new Set<ThreadPool>();
  #isClosed = false;

  /**
   * @param onIdleLoss is told of the error by which a thread ended that ran no task
   * @param loadLimit ms until a function has to begin, counted from when its task is given to the pool
   */
  constructor(
    private readonly options: PoolOptions,
    private readonly onIdleLoss: (error: unknown) => void,
    private readonly loadLimit = LOAD_LIMIT,
  ) {}

  admit(call: TaskCall, isStored = false): TaskCall {
    const { maxThreads, maxQueue } = this.options;
    if (!isStored && this.#admitted >= maxThreads + maxQueue) {
      throw new TooManyTasksError(tooManyForThreads(call.name, maxThreads, maxQueue));
    }
    const args = cloneArguments(call);
    this.#admitted++;
    return { ...call, args };
  }

  release(): void {
    this.#admitted--;
  }

  execute(attempt: Attempt): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const run = new ThreadRun(attempt, resolve, reject);
      attempt.onAbort((reason) => {
        if (this.#running.has(attempt.id)) {
          run.abort(reason);
        } else {
          this.#waiting.delete(run);
          reject(reason);
        }
      });
      if (this.#isClosed) {
        attempt.abort(new TaskCancelledError(attempt.name, 'shutdown'));
        return;
      }
      this.#waiting.add(run);
      this.#startWaiting();
    });
  }

  get stats(): TaskStats['threads'] {
    return { alive: this.#pool?.threads.length ?? 0, busy: this.#running.size, waiting: this.#waiting.size };
  }

  /** Kills what runs, and starts no more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const running = [...this.#running.values()];
    for (const { attempt } of [...this.#waiting, ...running]) {
      attempt.abort(new TaskCancelledError(attempt.name, 'shutdown'));
    }
    // Whoever waits for a pool that can't be opened has heard of it.
    await this.#opening?.catch(() => undefined);
    for (const pool of [...this.#retired, ...(this.#pool ? [this.#pool] : [])]) {
      await pool.close();
    }
    for (const { gone } of running) {
      await gone;
    }
  }

  #startWaiting(): void {
    for (const run of this.#waiting) {
      if (this.#running.size >= this.options.maxThreads) {
        return;
      }
      this.#waiting.delete(run);
      this.#running.set(run.attempt.id, run);
      void this.#start(run);
    }
  }

  async #start(run: ThreadRun): Promise<void> {
    let pool: ThreadPool | undefined;
    try {
      // Without a turn in between if the pool is there: the thread is idle until it gets the task.
      pool = this.#pool ?? (await this.#openPool());
      const answer = pool.run(run);
      run.limitLoading(this.loadLimit, () => this.#giveUp(run, pool!));
      const response = await answer;
      if (response) {
        run.settle(response);
      } else {
        run.reject(this.#explain(response, run, pool));
      }
    } catch (error) {
      run.reject(run.attempt.abortReason ?? this.#explain(error, run, pool));
      // A killed thread may take its time to end. Until then it counts, or there would be more than maxThreads.
      await run.gone;
    } finally {
      this.#makeRoom(run);
    }
  }

  /** Ends a thread that does not get as far as calling the function. */
  #giveUp(run: ThreadRun, pool: ThreadPool): void {
    const { name, call } = run.attempt;
    run.reject(new TaskThreadError(threadNotReady(name, call.definition!.thread!.module, this.loadLimit)));
    run.kill(run.isInThread ? undefined : pool.endStarting());
  }

  #makeRoom(run: ThreadRun): void {
    run.end();
    this.#running.delete(run.attempt.id);
    this.#startWaiting();
  }

  /** Once for all that ask before it is there. */
  async #openPool(): Promise<ThreadPool> {
    this.#opening ??= this.#loadPool();
    const pool = await this.#opening;
    // Another that waited for it may have found out that it is of no use.
    return pool.isRetired ? this.#openPool() : pool;
  }

  // Only then, since test runners that turn modules into CommonJS can't load what it needs.
  async #loadPool(): Promise<ThreadPool> {
    const { ThreadPool } = await import('./thread-pool.ts').catch((error: unknown) => {
      throw new ThreadStartError(error);
    });
    return (this.#pool = await ThreadPool.open(this.options, {
      said: (message) => this.#running.get(message.taskId)?.receive(message),
      lost: (error) => this.#lookForStranded(error),
    }));
  }

  /** The next task opens another. */
  #retire(pool: ThreadPool | undefined): void {
    pool?.retire();
    if (pool?.threads.length) {
      this.#retired.add(pool);
    }
    if (pool === this.#pool) {
      this.#pool = undefined;
      this.#opening = undefined;
    }
  }

  // Piscina gives up on a thread that can't start, and leaves the task for which it was started where it is.
  #lookForStranded(error: unknown): void {
    const runs = [...this.#running.values()].filter(({ killSignal }) => !killSignal.aborted);
    const outside = runs.filter(({ isInThread }) => !isInThread);
    const starting = (this.#pool?.threads.length ?? 0) - (runs.length - outside.length);
    if (outside.length > starting) {
      for (const run of outside) {
        run.reject(new TaskThreadError(threadNotStarted(run.attempt.name), { cause: error }));
        run.kill();
      }
    } else if (error !== undefined) {
      this.onIdleLoss(error);
    }
  }

  #explain(error: unknown, { attempt: { name }, killSignal }: ThreadRun, pool?: ThreadPool): Error {
    if (error instanceof ThreadStartError) {
      this.#retire(pool);
      killSignal.forget();
      return new TaskThreadError(threadNotStarted(name), { cause: error.cause });
    }
    // What nothing caught in the thread can be anything.
    const thrown = error instanceof Error ? (error as NodeJS.ErrnoException) : undefined;
    const [, exitCode] = /^worker exited with code: (-?\d+)$/.exec(thrown?.message ?? '') ?? [];
    if (exitCode !== undefined) {
      return new TaskThreadError(threadExited(name, exitCode));
    }
    if (thrown?.code === 'ERR_WORKER_OUT_OF_MEMORY') {
      return new TaskThreadError(threadOutOfMemory(name), { cause: error });
    }
    return new TaskThreadError(threadCrashed(name), { cause: error });
  }
}

/**
 * Clones the arguments, so that they are as they were when the task was added, whatever becomes of them.
 *
 * @throws TaskArgumentError which names the argument that can't be cloned
 */
function cloneArguments({ name, args }: TaskCall): readonly unknown[] {
  if (args.every(isPrimitive)) {
    return args;
  }
  try {
    return structuredClone(args, { transfer: movedIn(args) });
  } catch (error) {
    const index = args.findIndex((arg) => !canBeCloned(arg));
    throw new TaskArgumentError(argumentNotCloned(name, index, (error as Error).message), { cause: error });
  }
}

function canBeCloned(arg: unknown): boolean {
  try {
    structuredClone(arg);
    return true;
  } catch {
    return false;
  }
}
