import { setTimeout } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { Task } from 'nestjs-background-tasks';

@Injectable()
export class Mailer {
  readonly #logger = new Logger(Mailer.name);

  /** Stands for a mail server: it takes 100 ms, and refuses addresses that begin with `fail@`. */
  @Task({ queue: 'mail', attempts: 3, backoff: { type: 'exponential', delay: 500 } })
  async sendWelcome(email: string, signedUpAt: Date): Promise<{ sentTo: string }> {
    await setTimeout(100);
    if (email.startsWith('fail@')) {
      throw new Error(`550 ${email}: there is no such mailbox`);
    }
    this.#logger.log(`To ${email}: welcome, and thanks for signing up at ${signedUpAt.toISOString()}`);
    return { sentTo: email };
  }
}
