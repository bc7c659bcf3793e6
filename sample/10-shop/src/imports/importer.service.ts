import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { currentTask, Task } from 'nestjs-background-tasks';
import { DATABASE, type Database } from '../database/database.ts';
import { products } from '../database/schema.ts';

/** The list of a supplier: names, and prices in cents. */
const supplierList = [
  ['Ethiopia Guji, 250 g', 1390],
  ['Colombia Huila, 250 g', 1290],
  ['Decaf, 250 g', 1190],
  ['Paper filters, 100', 450],
  ['Cold brew bottle', 3200],
  ['Espresso cups, 2', 1900],
  ['Milk jug, 350 ml', 2200],
  ['Cleaning brush', 650],
  ['Scale, 0.1 g', 4900],
  ['Travel mug', 2600],
  ['Moka pot, 3 cups', 3400],
  ['Aeropress', 3900],
] as const;

@Injectable()
export class Importer {
  constructor(@Inject(DATABASE) private readonly db: Database) {}

  // #region progress
  @Task({ queue: 'imports', attempts: 2 })
  async importProducts() {
    const { signal, updateProgress } = currentTask()!;
    for (const [i, [name, price]] of supplierList.entries()) {
      await sleep(200, undefined, { signal }); // stands for the supplier's server; `cancel` ends it
      await this.db.insert(products).values({ name, price, stock: 0 }).onConflictDoNothing();
      updateProgress({ done: i + 1, of: supplierList.length });
    }
    return { imported: supplierList.length };
  }
  // #endregion
}
