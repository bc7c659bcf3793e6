import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { currentTask, Task } from 'nestjs-background-tasks';

/** Tasks that run on the event loop of this process. */
@Injectable()
export class Shop {
  /** Of even orders, the first attempt fails. */
  @Task({ attempts: 3, backoff: { type: 'exponential', delay: 300 } })
  async sendReceipt(order: number): Promise<void> {
    await sleep(40);
    if (order % 2 === 0 && currentTask()!.attempt === 1) {
      throw new Error('451 4.7.1 Try again later');
    }
  }

  /** Is slow, and tells how far it is. You can cancel it. */
  @Task({ execution: 'parallel' })
  async importStock(_order: number): Promise<{ imported: number }> {
    const { signal, updateProgress } = currentTask()!;
    const total = 20;
    for (let done = 1; done <= total; done++) {
      await sleep(200, undefined, { signal });
      updateProgress({ done, total });
    }
    return { imported: total };
  }

  /** Blocks the event loop, as no task should: the dashboard and the log name it. */
  computePrices(order: number): number {
    let price = order;
    for (const end = performance.now() + 120; performance.now() < end;) {
      price = (price * 31 + 7) % 10_007;
    }
    return price;
  }

  /** Always fails. */
  async callPartner(order: number): Promise<void> {
    await sleep(20);
    throw new Error(`The partner refuses order ${order}`, { cause: new Error('403 Forbidden') });
  }
}
