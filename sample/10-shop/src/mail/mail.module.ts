import { Module } from '@nestjs/common';
import { MailController } from './mail.controller.ts';
import { Mailbox } from './mailbox.service.ts';
import { Mailer } from './mailer.service.ts';

@Module({ controllers: [MailController], providers: [Mailbox, Mailer], exports: [Mailer] })
export class MailModule {}
