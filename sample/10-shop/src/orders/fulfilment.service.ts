import { Inject, Injectable } from '@nestjs/common';
import { and, eq, sql } from 'drizzle-orm';
import { currentTask, Task } from 'nestjs-background-tasks';
import { DATABASE, type Database } from '../database/database.ts';
import { orders, products } from '../database/schema.ts';

/** The steps from an order to a parcel. A step can run twice, so each sets a state and adds to none. */
@Injectable()
export class Fulfilment {
  constructor(@Inject(DATABASE) private readonly db: Database) {}

  // #region chain
  @Task({ queue: 'fulfilment', attempts: 3 })
  async reserveStock(orderId: number) {
    return this.db.transaction(async (tx) => {
      const isPlaced = and(eq(orders.id, orderId), eq(orders.status, 'placed'));
      const [order] = await tx.update(orders).set({ status: 'reserved' }).where(isPlaced).returning();
      if (order) {
        const stock = sql`${products.stock} - ${order.quantity}`;
        await tx.update(products).set({ stock }).where(eq(products.id, order.productId));
      } // else an earlier attempt has reserved it
      return { orderId };
    });
  }

  @Task({ queue: 'fulfilment', attempts: 3, backoff: { type: 'fixed', delay: 500 } })
  async chargeCard({ orderId }: { orderId: number }) {
    const { id, attempt } = currentTask()!;
    if (attempt === 1) {
      throw new Error('The bank does not answer'); // stands for a bad day of the bank: the second attempt succeeds
    }
    // The id is the same in each attempt: banks take it as the idempotency key, and charge once.
    await this.db.update(orders).set({ status: 'charged' }).where(eq(orders.id, orderId));
    return { orderId, charge: id, attempts: attempt };
  }

  @Task({ queue: 'fulfilment', attempts: 3 })
  async ship(paid: { orderId: number; charge: string; attempts: number }) {
    await this.db.update(orders).set({ status: 'shipped' }).where(eq(orders.id, paid.orderId));
    return { ...paid, parcel: `HC-${String(paid.orderId).padStart(6, '0')}` };
  }
  // #endregion
}
