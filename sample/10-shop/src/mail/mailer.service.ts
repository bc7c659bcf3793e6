import { Injectable } from '@nestjs/common';
import { currentTask, Task } from 'nestjs-background-tasks';
import { createTransport, type Transporter } from 'nodemailer';
import { smtpUrl } from '../parts.ts';
import { Mailbox } from './mailbox.service.ts';

@Injectable()
export class Mailer {
  readonly #transport: Promise<Transporter>;

  constructor(mailbox: Mailbox) {
    this.#transport = connect(mailbox);
  }

  // #region welcome
  /** Runs on the event loop after the response. A crash of the process loses it, and nobody misses a welcome. */
  @Task({ attempts: 3, backoff: { type: 'exponential', delay: 500 }, timeout: 10_000 })
  async sendWelcome(name: string, email: string) {
    return this.send(email, `Welcome, ${name}`, 'Your account is ready. The first coffee is on us.');
  }
  // #endregion

  // #region confirmation
  /** Durable: it is in the queue, and runs even if this process crashes. */
  @Task({ queue: 'mail', attempts: 5, backoff: { type: 'exponential', delay: 1_000 } })
  async sendConfirmation(orderId: number, email: string) {
    return this.send(email, `We have your order ${orderId}`, 'Thank you. We tell you when it leaves the harbour.');
  }
  // #endregion

  async send(to: string, subject: string, text: string): Promise<{ sentTo: string; messageId: string }> {
    const transport = await this.#transport;
    // Each attempt of a task has the same id: by it, mailboxes know a message that comes twice.
    const id = currentTask()?.id;
    const messageId = id && `<${id}@harbour-coffee.example>`;
    const sent = await transport.sendMail({ from: 'hello@harbour-coffee.example', to, subject, text, messageId });
    return { sentTo: to, messageId: sent.messageId };
  }
}

async function connect(mailbox: Mailbox): Promise<Transporter> {
  return createTransport(smtpUrl ?? (await mailbox.open()));
}
