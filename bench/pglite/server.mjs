// An application with durable tasks in PGlite. Each task writes a line to FILE: node server.mjs CONNECTION FILE
import 'reflect-metadata';
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Module, Param, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { BackgroundTasks, BackgroundTasksModule, defineTask, Tasks } from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';

const [, , connection, file] = process.argv;
const beganAt = performance.now();

const note = defineTask(
  async function note(line, ms) {
    await sleep(ms);
    appendFileSync(file, `${line}\n`);
  },
  { queue: 'notes' },
);

class WorkController {
  work(id, count, ms, tasks) {
    for (let i = 0; i < count; i++) {
      tasks.addTask(note, `${id}/${i}`, ms);
    }
    return { id };
  }
}
Controller()(WorkController);
const number = { transform: Number };
const parameters = [Param('id', number), Param('count', number), Param('ms', number), Tasks()];
Post('orders/:id/:count/:ms')(
  WorkController.prototype,
  'work',
  Object.getOwnPropertyDescriptor(WorkController.prototype, 'work'),
);
parameters.forEach((parameter, i) => parameter(WorkController.prototype, 'work', i));
Reflect.defineMetadata(
  'design:paramtypes',
  [Number, Number, Number, BackgroundTasks],
  WorkController.prototype,
  'work',
);

class AppModule {}
Module({
  imports: [
    BackgroundTasksModule.forRoot({ blockingThreshold: 0 }),
    BullMqTasksModule.forRoot({
      connection,
      enqueueTimeout: 20_000,
      worker: { lockDuration: 2_000, stalledInterval: 500 },
    }),
  ],
  controllers: [WorkController],
})(AppModule);

const app = await NestFactory.create(AppModule, { logger: ['warn', 'error'], abortOnError: false });
await app.listen(0, '127.0.0.1');
process.on('message', async (message) => {
  if (message === 'close') {
    await app.close();
    process.send({ active: process.getActiveResourcesInfo() });
    process.disconnect();
  } else {
    process.send({ rss: process.memoryUsage().rss, cpu: process.cpuUsage() });
  }
});
process.send({ port: app.getHttpServer().address().port, startedIn: performance.now() - beganAt });
