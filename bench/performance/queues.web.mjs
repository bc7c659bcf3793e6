// An application whose requests enqueue jobs: with this package (ours), with BullMQ in the same application (direct),
// or with BullMQ in an application without this package (alone), which can have an empty global interceptor (intercepted).
import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { Controller, Get, Module, Param } from '@nestjs/common';
import { APP_INTERCEPTOR, NestFactory } from '@nestjs/core';
import { BackgroundTasks, BackgroundTasksModule, Tasks } from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { answer, spec } from './answer.mjs';
import { EmptyInterceptor } from './empty-interceptor.mjs';
import { directQueue } from './queues.direct.mjs';
import { mailerOf } from './queues.mailer.mjs';

const { kind, queue: name, url, prefix } = spec();
const ADDRESS = 'ada@example.com';

class Adder {}
const Mailer = mailerOf(name);

function addOurs(mailer) {
  return (count, tasks) => {
    for (let i = 0; i < count; i++) {
      tasks.addTask(mailer, 'send', ADDRESS, { order: i });
    }
    return 'added';
  };
}

const job = (i) => ({
  name: 'send',
  data: { to: ADDRESS, about: { order: i } },
  opts: { jobId: randomUUID(), attempts: 1, removeOnComplete: { count: 1_000 }, removeOnFail: { count: 10_000 } },
});

function addDirectly() {
  const queue = directQueue(name, url, prefix);
  return async (count) => {
    if (count === 1) {
      const { name: jobName, data, opts } = job(0);
      await queue.add(jobName, data, opts);
    } else {
      await queue.addBulk(Array.from({ length: count }, (_, i) => job(i)));
    }
    return 'added';
  };
}

class AddController {
  constructor(adder) {
    this.adder = adder;
  }

  add(count, tasks) {
    return this.adder.add(count, tasks);
  }
}
Controller()(AddController);
Get(':count')(AddController.prototype, 'add', Object.getOwnPropertyDescriptor(AddController.prototype, 'add'));
Reflect.defineMetadata('design:paramtypes', [Adder], AddController);
Reflect.defineMetadata('design:paramtypes', [Number, BackgroundTasks], AddController.prototype, 'add');
Param('count', { transform: Number })(AddController.prototype, 'add', 0);
if (kind === 'ours') {
  Tasks()(AddController.prototype, 'add', 1);
}

class AppModule {}
Module({
  imports:
    kind === 'alone' || kind === 'intercepted'
      ? []
      : [
          BackgroundTasksModule.forRoot(),
          BullMqTasksModule.forRoot({ connection: url, prefix, worker: false, enqueueTimeout: 10_000 }),
        ],
  providers: [
    Mailer,
    ...(kind === 'intercepted' ? [{ provide: APP_INTERCEPTOR, useClass: EmptyInterceptor }] : []),
    {
      provide: Adder,
      inject: [Mailer],
      useFactory: (mailer) => ({ add: kind === 'ours' ? addOurs(mailer) : addDirectly() }),
    },
  ],
  controllers: [AddController],
})(AppModule);

const app = await NestFactory.create(AppModule, { logger: ['error'] });
await app.listen(0, '127.0.0.1');
answer({}, { port: app.getHttpServer().address().port });
