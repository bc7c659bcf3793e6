import { Body, Controller, Injectable, Post } from '@nestjs/common';
import { BackgroundTasks, Task, Tasks } from 'nestjs-background-tasks';

@Injectable()
export class DurableMailer {
  readonly sent: string[] = [];

  @Task({ queue: 'mail', attempts: 3, backoff: { type: 'exponential', delay: 1_000 } })
  async send(email: string, subject: string) {
    this.sent.push(`${email}: ${subject}`);
  }
}

@Controller()
export class DurableController {
  constructor(private readonly mailer: DurableMailer) {}

  @Post('send-email')
  send(@Body() { to, subject }: { to: string; subject: string }, @Tasks() tasks: BackgroundTasks) {
    const task = tasks.addTask(this.mailer, 'send', to, subject);
    return { id: task.id, status: 'queued' };
  }
}
