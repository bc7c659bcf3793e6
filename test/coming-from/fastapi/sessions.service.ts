import { Injectable } from '@nestjs/common';
import { Task } from 'nestjs-background-tasks';
import { Pool } from 'pg';

@Injectable()
export class Sessions {
  constructor(private readonly db: Pool) {}

  @Task({ queue: 'maintenance', repeat: { every: 3_600_000 } })
  async cleanUp() {
    await this.db.query('DELETE FROM sessions WHERE expires_at < now()');
  }
}
