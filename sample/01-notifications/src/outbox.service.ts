import { appendFile } from 'node:fs/promises';
import { Injectable } from '@nestjs/common';
import { logFile } from './log.ts';

@Injectable()
export class Outbox {
  async write(email: string): Promise<void> {
    await appendFile(logFile(), `message to ${email}\n`);
  }
}
