import { once } from 'events';
import type { AddressInfo } from 'net';
import { SMTPServer } from 'smtp-server';
import { text } from 'stream/consumers';

export interface Mail {
  to: string;
  text: string;
}

/** A mail server that keeps what it gets. */
export class Mailbox {
  readonly mails: Mail[] = [];
  /** How many of the next mails it refuses for now. */
  refusals = 0;
  private readonly server: SMTPServer;
  private release: () => void;
  private held = Promise.resolve();

  constructor() {
    this.server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      disableReverseLookup: true,
      logger: false,
      onData: (stream, { envelope }, callback) => {
        const take = async () => {
          const mail = { to: envelope.rcptTo[0].address, text: await text(stream) };
          await this.held;
          if (this.refusals > 0) {
            this.refusals--;
            throw Object.assign(new Error('Try again'), { responseCode: 451 });
          }
          this.mails.push(mail);
        };
        take().then(() => callback(), callback);
      },
    });
  }

  /** @returns its URL */
  async open(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server.server, 'listening');
    return `smtp://127.0.0.1:${(this.server.server.address() as AddressInfo).port}`;
  }

  /** From now on, mails are sent only when the returned function was called. */
  hold(): () => void {
    this.held = new Promise((resolve) => (this.release = resolve));
    return this.release;
  }

  to(address: string): Mail[] {
    return this.mails.filter(({ to }) => to === address);
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.server.close(resolve));
  }
}

export const hashIn = ({ text }: Mail) => /^[0-9a-f]{32}\b/m.exec(text)![0];
