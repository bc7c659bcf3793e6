import { Module } from '@nestjs/common';
import { BackgroundTasksModule } from 'nestjs-background-tasks';
import { Importer } from './importer.service.ts';
import { ImportsController } from './imports.controller.ts';

@Module({
  imports: [BackgroundTasksModule.forRoot({ history: { max: 10_000, ttl: 24 * 3_600_000 } })],
  controllers: [ImportsController],
  providers: [Importer],
})
export class AppModule {}
