import { Injectable } from '@nestjs/common';
import type { BackgroundTask } from '../../task/handle/background-task.ts';
import { sleep } from '../../util/timers.ts';
import { asTaskJob, type TaskJob } from '../jobs/task-job.ts';
import { BullMqQueues } from '../queues/bullmq-queues.ts';
import { BullMqConnection } from '../store/bullmq-connection.ts';

/** ms between two checks. */
const CHECK_EVERY = 1_000;

/**
 * The jobs that this process runs, with their tasks. Another process cancels one by an event. The event can come before the
 * task is here, and a server can lose it, so this class also reads the jobs once a second.
 */
@Injectable()
export class RunningJobs {
  readonly #byId = new Map<string, { job: TaskJob; task: BackgroundTask }>();
  #isChecking = false;

  constructor(
    private readonly connection: BullMqConnection,
    private readonly queues: BullMqQueues,
  ) {}

  add(job: TaskJob, task: BackgroundTask): void {
    this.#byId.set(job.id!, { job, task });
    if (!this.#isChecking) {
      this.#isChecking = true;
      void this.#checkAll();
    }
  }

  delete(id: string): void {
    this.#byId.delete(id);
  }

  /** @returns false if the task does not run in this process */
  cancel(id: string): boolean {
    const found = this.#byId.get(id);
    found?.task.cancel();
    return found !== undefined;
  }

  async #checkAll(): Promise<void> {
    await sleep(CHECK_EVERY, undefined, { ref: false });
    while (this.#byId.size > 0) {
      const checks = Promise.all(Array.from(this.#byId.values(), (it) => this.#check(it)));
      await checks.catch((error: unknown) => this.connection.warn(error));
      await sleep(CHECK_EVERY, undefined, { ref: false });
    }
    this.#isChecking = false;
  }

  async #check({ job, task }: { job: TaskJob; task: BackgroundTask }): Promise<void> {
    const found = asTaskJob(await this.queues.of(job.queueName).getJob(job.id!));
    if (found?.data.cancelledAt !== undefined) {
      task.cancel();
    }
  }
}
