import { ConflictException, Inject, Injectable, NotFoundException } from '@nestjs/common';
import { desc, eq, sum } from 'drizzle-orm';
import { BackgroundTasks } from 'nestjs-background-tasks';
import { drizzle } from 'nestjs-background-tasks/bullmq';
import { Catalog } from '../catalog/catalog.service.ts';
import { DATABASE, type Database } from '../database/database.ts';
import { orders, products } from '../database/schema.ts';
import { Mailer } from '../mail/mailer.service.ts';
import { databaseUrl } from '../parts.ts';

/** In cents, for all orders of a customer. */
const LIMIT = 100_000;

@Injectable()
export class Orders {
  constructor(
    @Inject(DATABASE) private readonly db: Database,
    private readonly catalog: Catalog,
    private readonly mailer: Mailer,
    private readonly tasks: BackgroundTasks,
  ) {}

  // #region confirmation
  async place(productId: number, quantity: number, email: string) {
    const { price } = await this.catalog.read(productId);
    return this.db.transaction(async (tx) => {
      const [order] = await tx
        .insert(orders)
        .values({ productId, quantity, total: price * quantity, email })
        .returning();
      const task = this.tasks.addTask(this.mailer, 'sendConfirmation', order!.id, email);
      if (databaseUrl) {
        await this.tasks.flush({ transaction: drizzle(tx) }); // the task is a part of the transaction
      } // else the queue is elsewhere: the task is enqueued after the commit, and before the response
      await this.#assertWithinLimit(tx, email); // throws: no order, and no confirmation
      return { order, task };
    });
  }
  // #endregion

  async find(id: number) {
    const [order] = await this.db.select().from(orders).where(eq(orders.id, id));
    if (!order) {
      throw new NotFoundException(`There is no order ${id}`);
    }
    return order;
  }

  newest(limit: number) {
    const { id, quantity, total, email, at } = orders;
    return this.db
      .select({ id, quantity, total, email, at, product: products.name })
      .from(orders)
      .innerJoin(products, eq(products.id, orders.productId))
      .orderBy(desc(id))
      .limit(limit);
  }

  async #assertWithinLimit(tx: Database, email: string): Promise<void> {
    const [ordered] = await tx
      .select({ total: sum(orders.total) })
      .from(orders)
      .where(eq(orders.email, email));
    if (Number(ordered?.total) > LIMIT) {
      throw new ConflictException(`Orders above €${LIMIT / 100} need a call: the order is not placed`);
    }
  }
}
