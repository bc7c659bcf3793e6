import { Module } from '@nestjs/common';
import { BackgroundTasksModule } from 'nestjs-background-tasks';
import { ReportsController } from './reports.controller.ts';

@Module({
  imports: [BackgroundTasksModule.forRoot({ pool: { maxThreads: 2 } })],
  controllers: [ReportsController],
})
export class AppModule {}
