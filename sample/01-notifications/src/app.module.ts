import { Module } from '@nestjs/common';
import { BackgroundTasksModule } from 'nestjs-background-tasks';
import { NotificationsController } from './notifications.controller.ts';
import { Outbox } from './outbox.service.ts';

@Module({
  imports: [BackgroundTasksModule.forRoot()],
  controllers: [NotificationsController],
  providers: [Outbox],
})
export class AppModule {}
