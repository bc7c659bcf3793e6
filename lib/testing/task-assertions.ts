import { InvalidOptionError } from '../errors/task.errors.ts';
import { readTaskCall } from '../task/call/read-task-call.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import type { AnyFunction, MethodName, ProviderClass, TaskResult } from '../task/model/signatures.ts';
import type { TaskRecord } from '../task/model/task-record.ts';
import { settlesWithin } from '../util/settles-within.ts';
import { now, sleep } from '../util/timers.ts';
import type { Added, AddedFilter, AddedTask } from './added-task.ts';
import type { MemoryTaskQueue } from './memory/memory-task-queue.ts';
import type { TestControl } from './test-control.ts';
import { checkFilter, checkRun, checkWaitFor, type RunOptions } from './test-options.ts';
import { TestTasksError } from './test-tasks.error.ts';
import { addedTooOften, neverSettled, notAdded, notARepeatingTask, notSettled, someAdded } from './testing.messages.ts';

/** ms between two looks at whether a task has settled. */
const LOOK_EVERY = 2;

/** The arguments of a method or function. Matchers such as `expect.any(String)` have the type `any`. */
type ArgumentsOf<F> = F extends (...args: infer A) => unknown ? A : never;

/**
 * Shows what was added, and runs it. `TestTasks` and `UnitTasks` share it.
 *
 * @since 0.1.0
 */
export class TaskAssertions {
  /** The ids of the failed tasks whose errors a run has reported. */
  readonly #reported = new Set<string>();

  /** @internal */
  constructor(
    protected readonly control: TestControl,
    protected readonly queue: MemoryTaskQueue,
  ) {}

  /**
   * Returns the tasks that were added, in their order, with arguments and options.
   *
   * The records show how the tasks are now.
   *
   * @example
   * expect(tasks.added({ name: 'Mailer.sendWelcome' })).toHaveLength(2);
   */
  added(filter: AddedFilter = {}): AddedTask[] {
    return this.#added('added', filter);
  }

  /**
   * Checks that one task was added for this call, and returns its handle.
   *
   * Arguments may be matchers, such as `expect.any(String)`.
   *
   * @returns the task's handle
   * @throws TestTasksError with the tasks that were added, the nearest first
   *
   * @example
   * const task = tasks.expectAdded(mailer, 'sendWelcome', 'ada@example.com');
   * expect(await task.settled()).toMatchObject({ status: 'completed' });
   */
  expectAdded<T extends object, K extends MethodName<T>>(
    target: T | ProviderClass<T>,
    method: K,
    ...args: ArgumentsOf<T[K]>
  ): BackgroundTask<TaskResult<T[K]>>;
  expectAdded<F extends AnyFunction>(fn: F, ...args: Parameters<F>): BackgroundTask<TaskResult<F>>;
  expectAdded(...task: unknown[]): BackgroundTask {
    const { name, args } = readTaskCall('expectAdded', task);
    const [first, ...others] = this.#find({ name, args });
    if (!first) {
      throw new TestTasksError(notAdded(name, args, this.added()));
    }
    if (others.length > 0) {
      throw new TestTasksError(addedTooOften(name, args, this.added({ name, args })));
    }
    return first.task;
  }

  /**
   * Checks that nothing was added, or nothing that matches.
   *
   * @throws TestTasksError with the tasks that were added
   */
  expectNone(filter: AddedFilter = {}): void {
    const found = this.#added('expectNone', filter);
    if (found.length > 0) {
      throw new TestTasksError(someAdded(found));
    }
  }

  /**
   * Runs what was added, without delays and backoffs, and waits until all of it has settled.
   *
   * In the mode `background`, where tasks run by themselves, it only waits. It works while the test has stopped the
   * clock.
   *
   * @returns the errors of the tasks that failed since the last call
   * @throws the first of these, unless `errors` is `collect`
   * @throws InvalidOptionError if an option is unknown or wrong
   * @throws TestTasksError if tasks have not settled in time
   *
   * @example
   * await tasks.run();
   */
  async run(options: RunOptions = {}): Promise<readonly unknown[]> {
    const { errors = 'throw', recursive = true, timeout = 5_000 } = checkRun(options);
    const given = new Set(this.control.all.map(({ task }) => task));
    const isRun = recursive ? () => true : (task: BackgroundTask) => given.has(task);
    for (const { task } of this.#pending(isRun)) {
      // A retry can fail again.
      this.#reported.delete(task.id);
    }
    const stops = this.#startRun(isRun, recursive);
    try {
      await this.#settle(isRun, timeout);
    } finally {
      stops.forEach((stop) => stop());
    }
    const thrown = this.#newErrors();
    if (errors === 'throw' && thrown.length > 0) {
      throw thrown[0];
    }
    return thrown;
  }

  /**
   * Runs a repeating task once, as if its time had come.
   *
   * In a test, repeating tasks run in no other way.
   *
   * @param name `Class.method`, or the name of a function
   * @returns the record of the run
   * @throws InvalidOptionError if no task with the option `repeat` has this name
   * @throws what the task threw
   *
   * @example
   * await tasks.runScheduled('Reports.nightly');
   */
  async runScheduled(name: string): Promise<TaskRecord> {
    const repeating = this.queue.repeating;
    const [, entry] = repeating.find(([it]) => it === name) ?? [];
    if (!entry) {
      throw new InvalidOptionError(
        notARepeatingTask(
          name,
          repeating.map(([it]) => it),
        ),
      );
    }
    const record = await this.queue.runOnce(name, entry.definition);
    if (record.status === 'failed') {
      throw this.control.thrown(record.id);
    }
    return record;
  }

  /**
   * Waits until a task has settled, also if it is added later.
   *
   * If several match, it waits until all of them have settled.
   *
   * @param what the name of the task, or a filter
   * @param options `timeout` in ms, by default 2,000
   * @returns the record of the last one
   * @throws TestTasksError if it has not settled in time; the message names what is still pending
   *
   * @example
   * await tasks.waitFor('Mailer.sendWelcome', { timeout: 2_000 });
   */
  async waitFor(what: string | AddedFilter, options: { timeout?: number } = {}): Promise<AddedTask> {
    const filter = checkWaitFor(what, options);
    const { timeout = 2_000 } = options;
    const end = now() + timeout;
    for (;;) {
      const found = this.#added('waitFor', filter);
      const last = found.at(-1);
      if (last && found.every(({ finishedAt }) => finishedAt !== undefined)) {
        return last;
      }
      if (now() > end) {
        const label = typeof what === 'string' ? `'${what}'` : 'filter';
        throw new TestTasksError(
          neverSettled(label, timeout, found.length > 0 ? found : this.#unsettled(), this.control.mode === 'manual'),
        );
      }
      await sleep(LOOK_EVERY);
    }
  }

  /** Forgets what was added so far, and removes all tasks from the queues. Tasks that run go on. */
  clear(): void {
    this.#reported.clear();
    this.control.clear();
    this.queue.clear();
  }

  /** @returns functions that stop the run */
  #startRun(isRun: (task: BackgroundTask) => boolean, recursive: boolean): (() => void)[] {
    const isJobRun = (id: string) => recursive || this.control.all.some(({ task }) => task.id === id && isRun(task));
    return [this.control.release(isRun), this.queue.release(isJobRun)];
  }

  #added(call: string, filter: AddedFilter): AddedTask[] {
    return this.#find(checkFilter(call, filter)).map((it) => this.#recordOf(it));
  }

  #find(filter: AddedFilter): readonly Added[] {
    return this.control.all.filter((it) => it.matches(filter, this.#recordOf(it)));
  }

  #recordOf({ task, args, options }: Added): AddedTask {
    return { ...(this.queue.recordOf(task.id) ?? task.toJSON()), args, options };
  }

  #pending(isMeant: (task: BackgroundTask) => boolean = () => true): readonly Added[] {
    return this.control.all.filter((it) => isMeant(it.task) && this.#recordOf(it).finishedAt === undefined);
  }

  #unsettled(isMeant?: (task: BackgroundTask) => boolean): AddedTask[] {
    return this.#pending(isMeant).map((it) => this.#recordOf(it));
  }

  async #settle(isRun: (task: BackgroundTask) => boolean, timeout: number): Promise<void> {
    const { control } = this;
    const over = new AbortController();
    const all = async () => {
      // Tasks that are added meanwhile join the end.
      for (let i = 0; i < control.all.length && !over.signal.aborted; i++) {
        const { task } = control.all[i]!;
        if (isRun(task)) {
          // If the task was retried, its handle still has the first end. So the record of the queue counts.
          const record = this.queue.recordOf(task.id);
          await (record ? this.queue.settled(record) : task.settled());
        }
      }
    };
    const isSettled = await settlesWithin(all(), timeout);
    over.abort();
    if (!isSettled) {
      throw new TestTasksError(notSettled('run()', timeout, this.#unsettled(isRun)));
    }
  }

  #newErrors(): unknown[] {
    const errors: unknown[] = [];
    for (const it of this.control.all) {
      const { id, status } = this.#recordOf(it);
      // A duplicate has a handle of its own.
      if (status === 'failed' && !this.#reported.has(id)) {
        this.#reported.add(id);
        errors.push(this.control.thrownBy(it.task));
      }
    }
    return errors;
  }
}
