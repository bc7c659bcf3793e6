// An application with Sentry: it sends one request to itself, and prints what Sentry would get.
import 'reflect-metadata';
import { tracingChannel } from 'node:diagnostics_channel';
import { Controller, Module, Post } from '@nestjs/common';
import { APP_FILTER, NestFactory } from '@nestjs/core';
import * as Sentry from '@sentry/nestjs';
import { SentryGlobalFilter, SentryModule } from '@sentry/nestjs/setup';
import { BackgroundTasksModule, TaskRunner, Tasks } from 'nestjs-background-tasks';

if (process.argv.includes('--capture')) {
  tracingChannel('nestjs-background-tasks.attempt').error.subscribe(({ id, name, error }) => {
    Sentry.captureException(error, { tags: { task: name, taskId: id } });
  });
}

async function notify() {
  await Sentry.startSpan({ name: 'send mail' }, () => new Promise(setImmediate));
}

async function charge() {
  throw new Error('declined');
}

class OrdersController {
  order(tasks) {
    tasks.addTask(notify);
    tasks.addTask(charge);
    return {};
  }
}
Post('orders')(
  OrdersController.prototype,
  'order',
  Reflect.getOwnPropertyDescriptor(OrdersController.prototype, 'order'),
);
Tasks()(OrdersController.prototype, 'order', 0);
Controller()(OrdersController);

class AppModule {}
Module({
  imports: [SentryModule.forRoot(), BackgroundTasksModule.forRoot()],
  controllers: [OrdersController],
  providers: [{ provide: APP_FILTER, useClass: SentryGlobalFilter }],
})(AppModule);

const app = await NestFactory.create(AppModule, { logger: false });
await app.listen(0, '127.0.0.1');
await fetch(`${await app.getUrl()}/orders`, { method: 'POST' });
await app.get(TaskRunner).drain();
await app.close();
await Sentry.flush(5_000);
const { transactions, errors } = globalThis.sent;
const spanOf = ({ span_id, parent_span_id, trace_id, op, description, status }) => ({
  span_id,
  parent_span_id,
  trace_id,
  op,
  description,
  status,
});
process.stdout.write(
  JSON.stringify({
    transactions: transactions.map(({ transaction, contexts, spans }) =>
      Object.assign(spanOf(contexts.trace), { name: transaction, spans: spans.map(spanOf) }),
    ),
    errors: errors.map(({ exception, contexts, tags }) => ({
      message: exception.values[0].value,
      trace_id: contexts.trace.trace_id,
      span_id: contexts.trace.span_id,
      tags,
    })),
  }),
);
process.exit(0);
