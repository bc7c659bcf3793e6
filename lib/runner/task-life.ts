import type { EventLoopExecutor } from '../executors/event-loop.executor.ts';
import type { QueuedTask } from './queued-task.ts';
import type { Origin, TaskLog } from './task-log.ts';
import type { TaskTracker } from './task-tracker.ts';

/** Takes one task from step to step, and tells the log and the tracker of each. In which order tasks go is not its affair. */
export class TaskLife {
  constructor(
    private readonly executor: EventLoopExecutor,
    private readonly tracker: TaskTracker,
    private readonly log: TaskLog,
  ) {}

  add({ task }: QueuedTask): void {
    this.tracker.added(task);
  }

  /** Never rejects: a task that fails is logged, and its status tells. */
  async run({ task, call }: QueuedTask, origin?: Origin): Promise<void> {
    task.start();
    this.tracker.started(task);
    let result: unknown;
    try {
      result = await this.executor.execute(call);
    } catch (error) {
      task.fail(error);
      this.log.failed(task, call, origin);
      this.tracker.settled(task, 'failed');
      return;
    }
    task.complete(result);
    this.tracker.settled(task, 'completed');
  }

  skip({ task }: QueuedTask): void {
    task.skip();
    this.tracker.settled(task, 'skipped');
  }
}
