import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { currentTask, Task } from 'nestjs-background-tasks';

/** Durable tasks. */
@Injectable()
export class Payments {
  /** Orders whose tasks have used up all attempts once. */
  readonly #failed = new Set<number>();

  /** Of even orders, the first attempt fails. Of each tenth order, all fail: retry it in the dashboard, and it succeeds. */
  @Task({ queue: 'payments', attempts: 3, backoff: { type: 'fixed', delay: 1_000 } })
  async capture(order: number): Promise<{ captured: number }> {
    const { attempt } = currentTask()!;
    await sleep(60);
    const isAway = attempt === 1 ? order % 2 === 0 : order % 10 === 0;
    if (isAway && !this.#failed.has(order)) {
      if (attempt === 3) {
        this.#failed.add(order);
      }
      throw new Error('The bank does not answer');
    }
    return { captured: order };
  }

  /** Repeats. */
  @Task({ queue: 'nightly', repeat: { every: 15_000 } })
  async closeTheBooks(): Promise<void> {
    await sleep(500);
  }
}
