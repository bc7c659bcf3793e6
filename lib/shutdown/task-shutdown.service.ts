import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import { BackgroundTasksOptions } from '../background-tasks.options.ts';
import { byClosing } from '../messages.ts';
import { InFlightRequests } from '../request/in-flight-requests.ts';
import { TaskLists } from '../runner/task-lists.ts';

/** ms for requests that were being handled to add their tasks, if no task is left to wait for. */
const REQUEST_GRACE = 2_000;

/** ms for tasks to end by themselves once their signals are aborted. */
const ABORT_GRACE = 500;

/**
 * Ends what was accepted before the application ends: first of all that closes, and once more when the server has closed,
 * for what providers have started while they closed.
 */
@Injectable()
export class TaskShutdown implements OnModuleDestroy, OnApplicationShutdown {
  #deadline = Infinity;
  #endedBefore = 0;

  constructor(
    @Inject(BackgroundTasksOptions) private readonly options: BackgroundTasksOptions,
    private readonly lists: TaskLists,
    private readonly inFlight: InFlightRequests,
  ) {}

  async onModuleDestroy(): Promise<void> {
    const { admission, life } = this.lists;
    const { shutdownTimeout } = this.options;
    this.#deadline = performance.now() + shutdownTimeout;
    this.#endedBefore = this.#ended;
    admission.phase = 'draining';
    this.inFlight.close();
    life.waitUntil(this.#deadline);
    await this.#drain(shutdownTimeout);
    if (admission.phase === 'draining') {
      admission.phase = 'drained';
    }
  }

  async onApplicationShutdown(): Promise<void> {
    const { admission, tracker, threads, history, life, log } = this.lists;
    await this.#drain(Math.max(ABORT_GRACE, this.#deadline - performance.now()));
    admission.phase = 'closed';
    await threads.close();
    await isInTime(tracker.drain(), ABORT_GRACE);
    if (life.lost.length > 0) {
      log.lost(this.#ended - this.#endedBefore - life.lost.length, life.lost, this.options.shutdownTimeout);
    }
    await history.shared?.close();
  }

  get #ended(): number {
    const { completed, failed, cancelled, skipped } = this.lists.tracker.stats;
    return completed + failed + cancelled + skipped;
  }

  /** @param ms after which what is left is cancelled */
  async #drain(ms: number): Promise<void> {
    const { tracker, threads, eventLoop, admission } = this.lists;
    if (await isInTime(this.#settled(), ms)) {
      return;
    }
    // What a task adds when its signal aborts would be lost.
    admission.phase = 'closed';
    for (const task of tracker.unsettled) {
      task.cancelBy(byClosing);
    }
    await isInTime(Promise.all([tracker.drain(), eventLoop.settleAborted()]), ABORT_GRACE);
    await threads.close();
  }

  /** Resolves when there is no task left, and no request that may add one. */
  async #settled(): Promise<void> {
    const { tracker } = this.lists;
    const noRequests = isInTime(this.inFlight.idle(), REQUEST_GRACE);
    await tracker.drain();
    await noRequests;
    await tracker.drain();
  }
}

async function isInTime(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const settled = new AbortController();
  try {
    return await Promise.race([
      promise.then(() => true),
      sleep(ms, false, { signal: settled.signal }).catch(() => false),
    ]);
  } finally {
    settled.abort();
  }
}
