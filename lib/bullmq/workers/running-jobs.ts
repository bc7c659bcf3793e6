import { setTimeout } from 'node:timers/promises';
import type { BackgroundTask } from '../../task/handle/background-task.ts';
import type { TaskJob } from '../jobs/task-job.ts';
import type { BullMqQueues } from '../queues/bullmq-queues.ts';

/** ms between two looks. */
const PAUSE = 1_000;

/**
 * The tasks of queues that this process runs. Who cancels one tells so by an event, which can come before the task is known
 * here, and which a store can lose; so those that run for longer are also looked for in the store.
 */
export class RunningJobs {
  readonly #byId = new Map<string, { job: TaskJob; task: BackgroundTask }>();
  #isLooking = false;

  /** @param onError is told that the store could not be asked: it is asked again */
  constructor(
    private readonly queues: BullMqQueues,
    private readonly onError: (error: unknown) => void,
  ) {}

  add(job: TaskJob, task: BackgroundTask): void {
    this.#byId.set(job.id!, { job, task });
    if (!this.#isLooking) {
      this.#isLooking = true;
      void this.#look();
    }
  }

  delete(id: string): void {
    this.#byId.delete(id);
  }

  /** @returns whether it runs here */
  cancel(id: string): boolean {
    const found = this.#byId.get(id);
    found?.task.cancel();
    return found !== undefined;
  }

  async #look(): Promise<void> {
    await setTimeout(PAUSE, undefined, { ref: false });
    while (this.#byId.size > 0) {
      await Promise.all(Array.from(this.#byId.values(), (it) => this.#lookFor(it))).catch(this.onError);
      await setTimeout(PAUSE, undefined, { ref: false });
    }
    this.#isLooking = false;
  }

  async #lookFor({ job, task }: { job: TaskJob; task: BackgroundTask }): Promise<void> {
    const stored = (await this.queues.of(job.queueName).getJob(job.id!)) as TaskJob | undefined;
    if (stored?.data.cancelledAt !== undefined) {
      task.cancel();
    }
  }
}
