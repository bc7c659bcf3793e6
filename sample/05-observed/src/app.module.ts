import { type MiddlewareConsumer, Module, type NestModule } from '@nestjs/common';
import { BackgroundTasksModule } from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { BackgroundTasksDashboardModule } from 'nestjs-background-tasks/dashboard';
import { MetricsController } from './metrics.controller.ts';
import { OrdersController } from './orders.controller.ts';
import { Payments } from './payments.service.ts';
import { Shop } from './shop.service.ts';
import { traceRequests } from './tracing.ts';

@Module({
  imports: [
    BackgroundTasksModule.forRoot({ pool: { maxThreads: 1 }, history: { max: 10_000, ttl: 3_600_000 } }),
    // A Postgres inside of this process. It forgets its tasks when the process ends.
    BullMqTasksModule.forRoot({ connection: 'pglite:' }),
    // For a sample on your own computer. Elsewhere, pass guards: everybody gets in here, may act and sees all arguments.
    BackgroundTasksDashboardModule.forRoot({
      guards: 'open',
      canAct: () => true,
      redact: (_task, args) => args,
      title: 'Observed shop',
    }),
  ],
  controllers: [OrdersController, MetricsController],
  providers: [Shop, Payments],
})
export class AppModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(traceRequests).forRoutes(OrdersController);
  }
}
