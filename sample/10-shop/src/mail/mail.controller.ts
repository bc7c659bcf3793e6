import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Mailbox, type Mail } from './mailbox.service.ts';

@ApiTags('mail')
@Controller('mailbox')
export class MailController {
  constructor(private readonly mailbox: Mailbox) {}

  /** The mails that the embedded server has taken, the newest first. With SMTP_URL there are none here. */
  @Get()
  list(): readonly Mail[] {
    return this.mailbox.mails;
  }
}
