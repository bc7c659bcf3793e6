import { TaskArgumentError, TaskCancelledError, TaskThreadError } from '../errors/task.errors.ts';
import { TooManyTasksError } from '../errors/unavailable.errors.ts';
import type { Attempt } from '../execution/attempt.ts';
import type { TaskExecutor } from '../execution/task-executor.ts';
import { movedIn } from '../task/call/move.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import type { TaskStats } from '../task/model/task-stats.ts';
import { isPrimitive, reasonNotCloned } from '../util/clone.ts';
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

/** Injection token for tests only. With it, a test sets a limit shorter than `LOAD_LIMIT`. */
export const THREAD_LOAD_LIMIT = Symbol('THREAD_LOAD_LIMIT');

/** ms for a thread to start and to load the module of its task. */
const LOAD_LIMIT = 60_000;

/**
 * Runs tasks in worker threads: first in, first out, and at most `maxThreads` at once.
 *
 * Piscina starts the threads and ends idle ones. Runs wait for a thread in this class, not in Piscina: Piscina has at most
 * `maxThreads` runs. Its own queue fails in two ways:
 *
 * - each run has a signal, so that it can be killed. For runs with a signal, the queue ignores `maxQueue` and lets them
 *   overtake each other (piscinajs/piscina#899);
 * - after a kill with `minThreads: 0`, Piscina starts no thread for the runs in its queue.
 *
 * Piscina also drops the own properties of an error, so threads return errors as data (`wire/packed-error.ts`).
 */
export class ThreadExecutor implements TaskExecutor {
  /** In the order of arrival. A Set, so that a cancelled run leaves at once and its arguments can be freed. */
  readonly #waiting = new Set<ThreadRun>();
  /**
   * By id, at most `maxThreads`: the runs that the pool has, and aborted ones whose thread has neither finished loading nor
   * exited yet.
   */
  readonly #running = new Map<number, ThreadRun>();
  /** Tasks that were admitted and not released: they run, wait here, or wait elsewhere for their turn. */
  #admitted = 0;
  #refused = 0;
  /** One promise for all runs that need the pool while it opens. */
  #opening?: Promise<ThreadPool>;
  #pool?: ThreadPool;
  /** Pools that can't start threads any more, while tasks still run in their threads. */
  readonly #retired = new Set<ThreadPool>();
  #isClosed = false;

  /**
   * @param onIdleThreadError receives an error that ended a thread without a task
   * @param loadLimit ms between giving a run to the pool and the beginning of its function
   */
  constructor(
    private readonly options: PoolOptions,
    private readonly onIdleThreadError: (error: unknown) => void,
    private readonly loadLimit = LOAD_LIMIT,
  ) {}

  admit(call: TaskCall, isDurable = false): TaskCall {
    const { maxThreads, maxQueue } = this.options;
    if (!isDurable && this.#admitted >= maxThreads + maxQueue) {
      this.#refused++;
      throw new TooManyTasksError(tooManyForThreads(call.name, maxThreads, maxQueue));
    }
    const args = cloneArguments(call);
    this.#admitted++;
    return args === call.args ? call : { ...call, args };
  }

  release(): void {
    this.#admitted--;
  }

  execute(attempt: Attempt): void {
    // A promise, so that the thread is free for the next run before anybody hears of the end of this one.
    const result = new Promise((resolve, reject) => {
      const run = new ThreadRun(attempt, resolve, reject);
      attempt.onAbort((reason) => {
        if (this.#running.has(run.id)) {
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
      if (this.#waiting.size === 0 && this.#hasFreeThread) {
        this.#take(run);
      } else {
        this.#waiting.add(run);
      }
    });
    result.then(
      (value) => attempt.succeed(value),
      (error: unknown) => attempt.fail(error),
    );
  }

  /** How many tasks `admit` has refused. */
  get refused(): number {
    return this.#refused;
  }

  get stats(): TaskStats['threads'] {
    return { alive: this.#pool?.threads.length ?? 0, busy: this.#running.size, waiting: this.#waiting.size };
  }

  /**
   * Cancels every run, ends all threads, and resolves when they have exited. A thread that is loading a file
   * first gets some seconds to finish that. Later runs are cancelled at once.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    const running = [...this.#running.values()];
    for (const { attempt } of [...this.#waiting, ...running]) {
      attempt.abort(new TaskCancelledError(attempt.name, 'shutdown'));
    }
    // If the pool can't be opened, the runs that wait for it are rejected with that error.
    await this.#opening?.catch(() => undefined);
    for (const { withdrawal } of running) {
      await withdrawal;
    }
    for (const pool of [...this.#retired, ...(this.#pool ? [this.#pool] : [])]) {
      await pool.close();
    }
    for (const { threadExit } of running) {
      await threadExit;
    }
  }

  #startWaiting(): void {
    for (const run of this.#waiting) {
      if (!this.#hasFreeThread) {
        return;
      }
      this.#waiting.delete(run);
      this.#take(run);
    }
  }

  get #hasFreeThread(): boolean {
    return this.#running.size < this.options.maxThreads;
  }

  #take(run: ThreadRun): void {
    this.#running.set(run.id, run);
    void this.#start(run);
  }

  async #start(run: ThreadRun): Promise<void> {
    let pool: ThreadPool | undefined;
    try {
      // Without `await` if the pool is open, so that a thread that has just become free gets this run at once.
      pool = this.#pool ?? (await this.#openPool());
      const answer = pool.run(run);
      run.limitLoading(this.loadLimit, () => this.#rejectUnready(run, pool!));
      const response = await answer;
      if (response) {
        run.settle(response);
      } else {
        run.reject(threadFailure(response, run.attempt.name));
      }
    } catch (error) {
      if (pool && error instanceof ThreadStartError) {
        this.#retire(pool);
        run.killSignal.abortSilently();
      }
      run.reject(run.attempt.abortReason ?? threadFailure(error, run.attempt.name));
      // The killed thread counts until it has exited. Otherwise there could be more than `maxThreads`.
      await run.threadExit;
    } finally {
      this.#finish(run);
    }
  }

  /** Rejects a run whose function has not begun in time, and ends the thread that did not start or load the module. */
  #rejectUnready(run: ThreadRun, pool: ThreadPool): void {
    run.reject(new TaskThreadError(threadNotReady(run.attempt.name, run.definition.module, this.loadLimit)));
    run.kill(run.isInThread ? undefined : pool.terminateStarting());
  }

  #finish(run: ThreadRun): void {
    run.dispose();
    this.#running.delete(run.id);
    this.#startWaiting();
  }

  async #openPool(): Promise<ThreadPool> {
    this.#opening ??= this.#loadPool();
    const pool = await this.#opening;
    // Another run that waited for the same pool may have retired it meanwhile.
    return pool.isRetired ? this.#openPool() : pool;
  }

  async #loadPool(): Promise<ThreadPool> {
    try {
      // Imported late, because test runners that turn modules into CommonJS can't load what the pool imports.
      const { ThreadPool } = await import('./thread-pool.ts').catch((error: unknown) => {
        throw new ThreadStartError(error);
      });
      return (this.#pool = await ThreadPool.open(this.options, {
        onMessage: (message) => this.#running.get(message.runId)?.receive(message),
        onThreadEnd: (error) => this.#rejectStranded(error),
      }));
    } catch (error) {
      // The next run tries again.
      this.#opening = undefined;
      throw error;
    }
  }

  /** Gives the pool no more runs, while its threads finish theirs. The next run opens another pool. */
  #retire(pool: ThreadPool): void {
    pool.retire();
    if (pool.threads.length) {
      this.#retired.add(pool);
    }
    if (pool === this.#pool) {
      this.#pool = undefined;
      this.#opening = undefined;
    }
  }

  /**
   * Rejects the runs for which no thread will start. When a thread fails while it starts, Piscina starts no other, and keeps
   * the run that waited for it.
   *
   * @param error what ended the thread. `undefined` if the pool did
   */
  #rejectStranded(error: unknown): void {
    const runs = [...this.#running.values()].filter(({ killSignal }) => !killSignal.aborted);
    const outside = runs.filter(({ isInThread }) => !isInThread);
    const available = (this.#pool?.threads.length ?? 0) - (runs.length - outside.length);
    if (outside.length > available) {
      for (const run of outside) {
        run.reject(new TaskThreadError(threadNotStarted(run.attempt.name), { cause: error }));
        run.kill();
      }
    } else if (error !== undefined) {
      this.onIdleThreadError(error);
    }
  }
}

/** Turns what Piscina rejected with into an error that says what ended the thread. */
function threadFailure(error: unknown, name: string): TaskThreadError {
  if (error instanceof ThreadStartError) {
    return new TaskThreadError(threadNotStarted(name), { cause: error.cause });
  }
  // An uncaught exception of the thread can be any value.
  const thrown = error instanceof Error ? (error as NodeJS.ErrnoException) : undefined;
  // Piscina gives this error no code.
  const [, exitCode] = /^worker exited with code: (-?\d+)$/.exec(thrown?.message ?? '') ?? [];
  if (exitCode !== undefined) {
    return new TaskThreadError(threadExited(name, exitCode));
  }
  if (thrown?.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return new TaskThreadError(threadOutOfMemory(name), { cause: error });
  }
  return new TaskThreadError(threadCrashed(name), { cause: error });
}

/**
 * Clones the arguments when the task is added, so that later changes by the caller do not reach the task.
 *
 * @throws TaskArgumentError if an argument can't be cloned
 */
function cloneArguments({ name, args }: TaskCall): readonly unknown[] {
  if (args.every(isPrimitive)) {
    return args;
  }
  try {
    return structuredClone(args, { transfer: movedIn(args) });
  } catch (error) {
    const index = args.findIndex((arg) => !canBeCloned(arg));
    throw new TaskArgumentError(argumentNotCloned(name, index, reasonNotCloned(error, args)));
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
