import { Inject, Injectable } from '@nestjs/common';
import { eq, sql } from 'drizzle-orm';
import { DATABASE, type Database } from '../database/database.ts';
import { ratings, reviews } from '../database/schema.ts';

@Injectable()
export class Statistics {
  constructor(@Inject(DATABASE) private readonly db: Database) {}

  async addReview(productId: number, stars: number): Promise<void> {
    await this.db.insert(reviews).values({ productId, stars });
  }

  // #region statistics
  /** Counts anew rather than adding one, so that a second run does no harm. */
  async updateRating(productId: number) {
    const [counted] = await this.db
      .select({ reviews: sql<number>`count(*)::int`, average: sql<string>`round(avg(stars), 2)::text` })
      .from(reviews)
      .where(eq(reviews.productId, productId));
    await this.db
      .insert(ratings)
      .values({ productId, ...counted! })
      .onConflictDoUpdate({ target: ratings.productId, set: counted! });
    return counted;
  }
  // #endregion

  async ratingOf(productId: number) {
    const [rating] = await this.db.select().from(ratings).where(eq(ratings.productId, productId));
    return rating ?? { productId, reviews: 0, average: null };
  }
}
