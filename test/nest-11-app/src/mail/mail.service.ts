import { Injectable, OnModuleDestroy } from '@nestjs/common';
import { Task } from 'nestjs-background-tasks';
import { I18nContext, I18nService } from 'nestjs-i18n';
import { createTransport } from 'nodemailer';
import type { Attachment } from 'nodemailer/lib/mailer';
import { UsersService } from '../users/users.service';

const retried = { attempts: 3, backoff: { type: 'exponential', delay: 50 } } as const;

/** Its methods run as background tasks: they read the user when they run, and write in the language of the request. */
@Injectable()
export class MailService implements OnModuleDestroy {
  private readonly transport = createTransport({ url: process.env.SMTP_URL, pool: true });

  constructor(
    private readonly users: UsersService,
    private readonly i18n: I18nService,
  ) {}

  @Task(retried)
  async sendConfirmation(userId: string): Promise<void> {
    await this.send(userId, 'confirm');
  }

  @Task(retried)
  async sendReset(userId: string): Promise<void> {
    await this.send(userId, 'reset');
  }

  @Task(retried)
  async sendProfile(userId: string, pdf: Uint8Array): Promise<void> {
    await this.send(userId, 'profile', [{ filename: 'profile.pdf', content: Buffer.from(pdf) }]);
  }

  onModuleDestroy() {
    this.transport.close();
  }

  private async send(userId: string, mail: string, attachments: Attachment[] = []): Promise<void> {
    const { email, hash } = await this.users.byId(userId);
    const lang = I18nContext.current()?.lang;
    await this.transport.sendMail({
      from: 'app@example.com',
      to: email,
      subject: this.i18n.t(`mail.${mail}.subject`, { lang }),
      text: this.i18n.t(`mail.${mail}.text`, { lang, args: { hash } }),
      attachments,
    });
  }
}
