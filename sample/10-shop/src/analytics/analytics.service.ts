import { Inject, Injectable } from '@nestjs/common';
import { desc, sql } from 'drizzle-orm';
import { DATABASE, type Database } from '../database/database.ts';
import { visits } from '../database/schema.ts';

@Injectable()
export class Analytics {
  constructor(@Inject(DATABASE) private readonly db: Database) {}

  // #region analytics
  /** Runs when the response is over, so it can tell how long the request took. */
  async count(route: string, startedAt: number) {
    const duration = Math.round(performance.now() - startedAt);
    await this.db
      .insert(visits)
      .values({ route, count: 1, duration })
      .onConflictDoUpdate({
        target: visits.route,
        set: { count: sql`${visits.count} + 1`, duration: sql`${visits.duration} + ${duration}` },
      });
  }
  // #endregion

  most() {
    return this.db.select().from(visits).orderBy(desc(visits.count), visits.route).limit(20);
  }
}
