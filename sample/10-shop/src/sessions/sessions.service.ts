import { createHash, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { and, eq, gt, lt } from 'drizzle-orm';
import { Task } from 'nestjs-background-tasks';
import { DATABASE, type Database } from '../database/database.ts';
import { sessions, users } from '../database/schema.ts';

export const SESSION_HOURS = 8;

const hash = (token: string) => createHash('sha256').update(token).digest('hex');

@Injectable()
export class Sessions {
  constructor(@Inject(DATABASE) private readonly db: Database) {}

  /** @returns the token for the cookie */
  async open(userId: number): Promise<string> {
    const token = randomBytes(32).toString('base64url');
    const expiresAt = new Date(Date.now() + SESSION_HOURS * 3_600_000);
    await this.db.insert(sessions).values({ token: hash(token), userId, expiresAt });
    return token;
  }

  async userOf(token: string) {
    const [user] = await this.db
      .select({ id: users.id, name: users.name, isStaff: users.isStaff })
      .from(sessions)
      .innerJoin(users, eq(users.id, sessions.userId))
      .where(and(eq(sessions.token, hash(token)), gt(sessions.expiresAt, new Date())));
    return user;
  }

  // #region clean-up
  /** Every hour, once for all processes. It needs no cron daemon. */
  @Task({ queue: 'housekeeping', repeat: { pattern: '0 * * * *' } })
  async removeExpired() {
    const removed = await this.db.delete(sessions).where(lt(sessions.expiresAt, new Date())).returning();
    return { removed: removed.length };
  }
  // #endregion
}
