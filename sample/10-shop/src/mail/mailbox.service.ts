import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { callbackify } from 'node:util';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import PostalMime from 'postal-mime';
import { SMTPServer } from 'smtp-server';

export interface Mail {
  to: string;
  subject: string;
  text: string;
  at: string;
}

const KEPT = 50;

/** An SMTP server in this process, for the shop's own mails. It delivers nothing: the page shows what came. */
@Injectable()
export class Mailbox implements OnApplicationShutdown {
  readonly mails: Mail[] = [];
  readonly #server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    onData: (stream, _session, done) => callbackify(() => this.#keep(stream))(done),
  });

  /** @returns its URL */
  async open(): Promise<string> {
    const server = this.#server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async onApplicationShutdown(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(resolve));
  }

  async #keep(stream: Readable): Promise<void> {
    const { to, subject = '', text = '' } = await PostalMime.parse(await buffer(stream));
    this.mails.unshift({ to: to?.[0]?.address ?? '', subject, text, at: new Date().toISOString() });
    this.mails.splice(KEPT);
  }
}
