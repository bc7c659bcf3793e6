import { Inject, Injectable } from '@nestjs/common';
import { desc } from 'drizzle-orm';
import { DATABASE, type Database } from '../database/database.ts';
import { refusedLogins } from '../database/schema.ts';

@Injectable()
export class Audit {
  constructor(@Inject(DATABASE) private readonly db: Database) {}

  // #region audit
  async recordRefusal(email: string, ip: string) {
    await this.db.insert(refusedLogins).values({ email, ip });
  }
  // #endregion

  newest() {
    return this.db.select().from(refusedLogins).orderBy(desc(refusedLogins.id)).limit(10);
  }
}
