import { Module } from '@nestjs/common';
import { Mailer } from './mailer.service.ts';
import { ReportsController } from './reports.controller.ts';
import { SignupsController } from './signups.controller.ts';
import { TasksController } from './tasks.controller.ts';

/** What both kinds of processes know: a worker can only run tasks of what it imports. */
@Module({
  controllers: [SignupsController, ReportsController, TasksController],
  providers: [Mailer],
})
export class SignupsModule {}
