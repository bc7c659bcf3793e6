import { Inject, Injectable } from '@nestjs/common';
import type { TaskMonitor } from '../../services/task-monitor.service.ts';
import { errorRecord } from '../../task/model/task-record.ts';
import { settlesWithin } from '../../util/settles-within.ts';
import { now } from '../../util/timers.ts';
import type { QueueStats } from '../../task/model/queue-stats.ts';
import { MONITOR } from '../monitor.ts';

/** ms for which figures count as new, and ms to wait for new ones. */
const FRESH = 1_000;
const LIMIT = 3_000;

export interface QueuesNow {
  readonly queues: QueueStats[];
  /** Why `queues` may be out of date. */
  readonly queueError?: string;
}

/** Reads the figures of the queues, at most once a second, for all who ask. */
@Injectable()
export class QueueFigures {
  #last: QueuesNow = { queues: [] };
  #readAt = -Infinity;
  #reading: Promise<void> | undefined;

  constructor(@Inject(MONITOR) private readonly monitor: TaskMonitor) {}

  get last(): QueuesNow {
    return this.#last;
  }

  /** Never rejects, and waits for at most 3 s. */
  async read(): Promise<QueuesNow> {
    if (now() - this.#readAt > FRESH) {
      this.#reading ??= this.#refresh().finally(() => (this.#reading = undefined));
      await this.#reading;
    }
    return this.#last;
  }

  async #refresh(): Promise<void> {
    const { queue } = this.monitor;
    if (!queue?.stats) {
      return;
    }
    try {
      const answer = queue.stats();
      if (!(await settlesWithin(answer, LIMIT, { unref: true }))) {
        throw new Error(`expected an answer of the queue within ${LIMIT} ms, got none`);
      }
      this.#last = { queues: [...(await answer)] };
    } catch (error) {
      this.#last = { queues: this.#last.queues, queueError: errorRecord(error).message };
    }
    this.#readAt = now();
  }
}
