import { Injectable } from '@nestjs/common';
import type { BackgroundTask } from '../../task/handle/background-task.ts';
import { clearInterval, now, setInterval, sleep } from '../../util/timers.ts';
import { asTaskJob, type TaskJob } from '../jobs/task-job.ts';
import { BullMqQueues } from '../queues/bullmq-queues.ts';
import { BullMqConnection } from '../store/bullmq-connection.ts';
import type { JobReports } from './job-reports.ts';

/** ms between two checks. */
const CHECK_EVERY = 1_000;

/** ms between two looks at what the attempts have to report. */
const LOOK_EVERY = 50;

interface RunningJob {
  readonly job: TaskJob;
  readonly task: BackgroundTask;
  readonly reports: JobReports;
}

/**
 * The jobs that this process runs, with their tasks. Another process cancels one by an event. The event can come before the
 * task is here, and a server can lose it, so this class also reads the jobs once a second. It lets the reports of long
 * attempts be written, too.
 */
@Injectable()
export class RunningJobs {
  readonly #byId = new Map<string, RunningJob>();
  #isChecking = false;
  #looking?: NodeJS.Timeout | undefined;

  constructor(
    private readonly connection: BullMqConnection,
    private readonly queues: BullMqQueues,
  ) {}

  add(job: TaskJob, task: BackgroundTask, reports: JobReports): void {
    this.#byId.set(job.id!, { job, task, reports });
    this.#looking ??= setInterval(() => this.#look(), LOOK_EVERY).unref();
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

  #look(): void {
    if (this.#byId.size === 0) {
      clearInterval(this.#looking);
      this.#looking = undefined;
      return;
    }
    const time = now();
    this.#byId.forEach(({ reports }) => reports.look(time));
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

  async #check({ job, task }: RunningJob): Promise<void> {
    const found = asTaskJob(await this.queues.of(job.queueName).getJob(job.id!));
    if (found?.data.cancelledAt !== undefined) {
      task.cancel();
    }
  }
}
