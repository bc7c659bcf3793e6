import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { POLL } from '../durable/poll.ts';
import { TaskQueueHost } from '../durable/task-queue-host.ts';
import type { DurableFilter, DurableTask, TaskDetails, TaskQueue, TaskSchedule } from '../durable/task-queue.ts';
import type { EnqueuedInTransaction, Transaction } from '../durable/transaction.ts';
import type { QueueStats } from '../task/model/queue-stats.ts';
import type { TaskCarrier } from '../task/model/task-carrier.ts';
import type { TaskRecord } from '../task/model/task-record.ts';
import { retryUntil } from '../util/retry-until.ts';
import { BullMqTasksOptions } from './bullmq-tasks.options.ts';
import { jobOf, type JobToAdd, withCarrier } from './jobs/task-job.ts';
import { BullMqQueues } from './queues/bullmq-queues.ts';
import { BullMqSchedules } from './queues/bullmq-schedules.ts';
import { JobEnqueuer } from './queues/job-enqueuer.ts';
import { JobFinder } from './queues/job-finder.ts';
import { JobMarks } from './queues/job-marks.ts';
import { JobRetry } from './queues/job-retry.ts';
import { TransactionEnqueuer } from './transactions/transaction-enqueuer.ts';
import { TransactionWatch } from './transactions/transaction-watch.ts';
import { BullMqConnection } from './store/bullmq-connection.ts';
import { BullMqWorkers } from './workers/bullmq-workers.ts';

/** Implements the port for queues with BullMQ. */
@Injectable()
export class BullMqTaskQueue implements TaskQueue, OnModuleInit {
  constructor(
    @Inject(BullMqTasksOptions) private readonly options: BullMqTasksOptions,
    private readonly connection: BullMqConnection,
    private readonly repeating: BullMqSchedules,
    private readonly queues: BullMqQueues,
    private readonly enqueuer: JobEnqueuer,
    private readonly transactions: TransactionEnqueuer,
    private readonly watch: TransactionWatch,
    private readonly finder: JobFinder,
    private readonly retries: JobRetry,
    private readonly marks: JobMarks,
    private readonly workers: BullMqWorkers,
    private readonly host: TaskQueueHost,
  ) {
    host.register(this, options.onUnavailable);
  }

  get maxAtOnce(): number {
    return this.options.maxAtOnce;
  }

  get isTraced(): boolean {
    return this.options.telemetry !== undefined;
  }

  async onModuleInit(): Promise<void> {
    if (this.host.isReplaced) {
      return;
    }
    this.repeating.check();
    await this.connection.open();
  }

  prepare(task: DurableTask): JobToAdd {
    this.workers.expect(task);
    return jobOf(task, this.options);
  }

  enqueue(jobs: readonly JobToAdd[], carrier?: TaskCarrier): Promise<readonly string[]> {
    return this.enqueuer.enqueue(withCarrier(jobs, carrier));
  }

  enqueueIn(
    transaction: Transaction,
    jobs: readonly JobToAdd[],
    carrier?: TaskCarrier,
  ): Promise<EnqueuedInTransaction> {
    return this.transactions.enqueue(transaction, withCarrier(jobs, carrier));
  }

  find(id: string): Promise<TaskRecord | undefined> {
    return this.finder.record(id);
  }

  async latest(task: TaskRecord): Promise<TaskRecord> {
    return (await this.find(task.id)) ?? this.finder.recordOfGone(task);
  }

  list(filter: DurableFilter): Promise<TaskRecord[]> {
    return this.finder.list(filter);
  }

  stats(): Promise<QueueStats[]> {
    return this.queues.queueStats();
  }

  retry(id: string): Promise<boolean> {
    return this.retries.retry(id);
  }

  settled(task: TaskRecord): Promise<TaskRecord> {
    let last = task;
    return retryUntil<TaskRecord>(async () => {
      try {
        last = await this.latest(last);
        return last.finishedAt === undefined ? undefined : last;
      } catch {
        // The server is unavailable.
        return undefined;
      }
    }, POLL);
  }

  async cancel(id: string): Promise<boolean> {
    const { connection } = this;
    const job = await connection.answered(this.finder.find(id));
    if (!job || job.finishedOn) {
      return false;
    }
    // Records show the cancellation at once, and the worker that claims the job does not run it.
    const isFirst = await this.marks.cancel(job);
    if (isFirst) {
      // A new task with the same deduplication id must not join one that never runs.
      await (job.deduplicationId !== undefined && connection.answered(job.removeDeduplicationKey()));
    }
    const state = await connection.answered(job.getState());
    await Promise.all((job.data.before ?? []).map((before) => this.cancel(before)));
    if (state === 'active') {
      await connection.answered(this.workers.cancel(job.id!));
      return true;
    }
    if (state === 'delayed') {
      // This fails if a worker has claimed the job in the meantime: that worker has read that the task is cancelled.
      await job.promote().catch(() => undefined);
    }
    return isFirst;
  }

  async pause(queue: string): Promise<void> {
    await this.connection.answered(this.queues.get(queue).pause());
  }

  async resume(queue: string): Promise<void> {
    await this.connection.answered(this.queues.get(queue).resume());
  }

  schedules(): Promise<readonly TaskSchedule[]> {
    return this.repeating.list();
  }

  details(id: string): Promise<TaskDetails | undefined> {
    return this.finder.details(id);
  }

  cancelLater(id: string): void {
    void this.cancel(id).catch(() => false);
  }

  stopClaiming(): void {
    this.workers.stop();
  }

  async close(): Promise<void> {
    this.enqueuer.close();
    this.watch.close();
    await this.connection.close();
  }
}
