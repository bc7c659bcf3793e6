import { Module, Scope, ValidationPipe } from '@nestjs/common';
import { APP_PIPE } from '@nestjs/core';
import { BackgroundTasksModule } from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { BackgroundTasksDashboardModule } from 'nestjs-background-tasks/dashboard';
import { AnalyticsModule } from './analytics/analytics.module.ts';
import { AnnouncementsModule } from './announcements/announcements.module.ts';
import { CatalogModule } from './catalog/catalog.module.ts';
import { DatabaseModule } from './database/database.module.ts';
import { ImportsModule } from './imports/imports.module.ts';
import { MailModule } from './mail/mail.module.ts';
import { OrdersModule } from './orders/orders.module.ts';
import { PageModule } from './page/page.module.ts';
import { queuePrefix, queueUrl } from './parts.ts';
import { ReportsModule } from './reports/reports.module.ts';
import { SessionsModule } from './sessions/sessions.module.ts';
import { StaffGuard } from './sessions/staff.guard.ts';
import { TasksModule } from './tasks/tasks.module.ts';
import { UsersModule } from './users/users.module.ts';

@Module({
  imports: [
    // `BackgroundTasks` is a singleton here, and finds its request by the async context: so all classes stay singletons.
    BackgroundTasksModule.forRoot({ scope: Scope.DEFAULT }),
    BullMqTasksModule.forRoot({ connection: queueUrl, prefix: queuePrefix }),
    BackgroundTasksDashboardModule.forRoot({
      guards: [StaffGuard],
      imports: [SessionsModule],
      title: 'Harbour Coffee',
    }),
    DatabaseModule,
    MailModule,
    UsersModule,
    SessionsModule,
    CatalogModule,
    OrdersModule,
    ReportsModule,
    AnalyticsModule,
    AnnouncementsModule,
    ImportsModule,
    TasksModule,
    PageModule,
  ],
  providers: [{ provide: APP_PIPE, useValue: new ValidationPipe({ whitelist: true, transform: true }) }],
})
export class AppModule {}
