import { Inject, Injectable, NotFoundException } from '@nestjs/common';
import { eq } from 'drizzle-orm';
import { Keyv } from 'keyv';
import { DATABASE, type Database } from '../database/database.ts';
import { products } from '../database/schema.ts';

export type Product = typeof products.$inferSelect;

const HOUR = 3_600_000;
const keyOf = (id: number) => `product:${id}`;

@Injectable()
export class Catalog {
  constructor(
    @Inject(DATABASE) private readonly db: Database,
    private readonly cache: Keyv<Product>,
  ) {}

  list(): Promise<Product[]> {
    return this.db.select().from(products).orderBy(products.id);
  }

  async find(id: number): Promise<{ product: Product; from: 'cache' | 'database' }> {
    const product = await this.cache.get(keyOf(id));
    return product ? { product, from: 'cache' } : { product: await this.read(id), from: 'database' };
  }

  async read(id: number): Promise<Product> {
    const [product] = await this.db.select().from(products).where(eq(products.id, id));
    return product ?? this.#unknown(id);
  }

  async setPrice(id: number, price: number): Promise<Product> {
    const [product] = await this.db.update(products).set({ price }).where(eq(products.id, id)).returning();
    return product ?? this.#unknown(id);
  }

  // #region cache
  /** Reads the row again: after two writes, both tasks put the newest price into the cache, in any order. */
  async refreshCache(id: number) {
    await this.cache.set(keyOf(id), await this.read(id), HOUR);
  }
  // #endregion

  #unknown(id: number): never {
    throw new NotFoundException(`There is no product ${id}`);
  }
}
