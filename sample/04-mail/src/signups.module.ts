import { Module } from '@nestjs/common';
import { Mailer } from './mailer.service.ts';
import { ReportsController } from './reports.controller.ts';
import { SignupsController } from './signups.controller.ts';
import { TasksController } from './tasks.controller.ts';

/** Both kinds of processes import it: a worker can only run the tasks of modules that it imports. */
@Module({
  controllers: [SignupsController, ReportsController, TasksController],
  providers: [Mailer],
})
export class SignupsModule {}
