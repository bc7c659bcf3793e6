import { Controller, Param, Post, Query } from '@nestjs/common';
import { BackgroundTasks } from 'nestjs-background-tasks';
import { FoundQueryPipe } from './found-query.pipe.ts';
import { Outbox } from './outbox.service.ts';

@Controller()
export class NotificationsController {
  constructor(
    private readonly tasks: BackgroundTasks,
    private readonly outbox: Outbox,
  ) {}

  @Post('send-notification/:email')
  sendNotification(@Param('email') email: string, @Query('q', FoundQueryPipe) _q?: string) {
    this.tasks.addTask(this.outbox, 'write', email);
    return { message: 'Notification sent in the background' };
  }
}
