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

export interface RunningJob {
  readonly job: TaskJob;
  readonly task: BackgroundTask;
  readonly reports: JobReports;
}

/**
 * The jobs that this process runs, with their tasks. Another process cancels one by an event. The event can come before the
 * task is here, and a server can lose it, so this class also reads the jobs once a second. It also lets long
 * attempts write their reports.
 */
@Injectable()
export class RunningJobs {
  /** Two may have the same id: in two queues, or if a worker has lost its claim and gets it again. */
  readonly #all = new Set<RunningJob>();
  #isChecking = false;
  #looking?: NodeJS.Timeout | undefined;

  constructor(
    private readonly connection: BullMqConnection,
    private readonly queues: BullMqQueues,
  ) {}

  add(running: RunningJob): void {
    this.#all.add(running);
    this.#looking ??= setInterval(() => this.#look(), LOOK_EVERY).unref();
    if (!this.#isChecking) {
      this.#isChecking = true;
      void this.#checkAll();
    }
  }

  delete(running: RunningJob): void {
    this.#all.delete(running);
  }

  /** @returns false if the task does not run in this process */
  cancel(id: string): boolean {
    const found = [...this.#all].filter(({ job }) => job.id === id);
    found.forEach(({ task }) => task.cancel());
    return found.length > 0;
  }

  #look(): void {
    if (this.#all.size === 0) {
      clearInterval(this.#looking);
      this.#looking = undefined;
      return;
    }
    const time = now();
    this.#all.forEach(({ reports }) => reports.look(time));
  }

  async #checkAll(): Promise<void> {
    await sleep(CHECK_EVERY, undefined, { ref: false });
    while (this.#all.size > 0) {
      const checks = Promise.all(Array.from(this.#all, (it) => this.#check(it)));
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
