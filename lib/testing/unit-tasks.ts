import { standaloneTasks } from '../services/standalone-tasks.ts';
import type { BackgroundTasks } from '../request/background-tasks.ts';
import type { TaskRegistry } from '../services/task-registry.service.ts';
import type { TaskRunner } from '../services/task-runner.service.ts';
import { TaskArgumentError } from '../errors/task.errors.ts';
import { MemoryJobs } from './memory/memory-jobs.ts';
import { memoryQueueOptions, MemoryTaskQueue } from './memory/memory-task-queue.ts';
import { TestControl } from './test-control.ts';
import { checkUnit, type RunOptions, type UnitTasksOptions } from './test-options.ts';
import { TaskAssertions } from './task-assertions.ts';
import { notGiven } from './testing.messages.ts';

/**
 * Gives a unit under test its tasks, runner and registry, without Nest.
 *
 * It shows what the unit has added, and runs it.
 *
 * @since 0.1.0
 */
export class UnitTasks extends TaskAssertions {
  /** The tasks of one request. They run when the test calls `run()`. */
  readonly tasks: BackgroundTasks;
  readonly runner: TaskRunner;
  /** Knows these tasks, and those of the runner. */
  readonly registry: TaskRegistry;
  readonly #endRequest: () => Promise<void>;

  /** @internal made by `TestTasks.unit` */
  constructor(options: UnitTasksOptions) {
    const { providers = [] } = checkUnit(options);
    const jobs = new MemoryJobs();
    const control = new TestControl(
      'manual',
      (id) => jobs.thrownBy(id),
      (call) => standalone.noteCall(call),
    );
    const standalone = standaloneTasks(control, (provider) => {
      const found = providers.find((it) => it instanceof provider);
      if (!found) {
        throw new TaskArgumentError(notGiven(provider.name));
      }
      return found;
    });
    const queue = new MemoryTaskQueue(memoryQueueOptions('manual'), jobs, standalone.core);
    queue.onApplicationBootstrap();
    super(control, queue);
    this.tasks = standalone.tasks;
    this.runner = standalone.runner;
    this.registry = standalone.registry;
    this.#endRequest = () => standalone.endRequest();
  }

  override async run(options?: RunOptions): Promise<readonly unknown[]> {
    await this.#endRequest();
    return super.run(options);
  }
}
