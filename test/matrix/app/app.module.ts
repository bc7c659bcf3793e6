import { Module, Scope, type DynamicModule } from '@nestjs/common';
import { BackgroundTasksModule } from 'nestjs-background-tasks';
import { GIVEN, type Given } from './given.ts';
import { Mailer } from './mailer.service.ts';
import { OrdersController } from './orders.controller.ts';
import { Orders } from './orders.service.ts';

@Module({})
export class AppModule {
  static with(given: Given): DynamicModule {
    return {
      module: AppModule,
      imports: [BackgroundTasksModule.forRoot({ scope: Scope[given.scope], maxPending: 3, pool: { maxThreads: 1 } })],
      controllers: [OrdersController],
      providers: [{ provide: GIVEN, useValue: given }, Mailer, Orders],
    };
  }
}
