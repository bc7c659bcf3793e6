// An application that enqueues tasks, or runs them, and notes when each began and ended:
// node server.mjs FILE OPTIONS, the options of BullMqTasksModule
import 'reflect-metadata';
import { openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Module, Param, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { BackgroundTasks, BackgroundTasksModule, Task, TaskRegistry, Tasks } from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';

const [, , path, options] = process.argv;
const file = openSync(path, 'a');
let runs = 0;

class Work {
  async note(task, ms) {
    const run = `${process.pid}/${runs++}`;
    writeSync(file, `start ${run} ${task} ${Date.now()}\n`);
    await sleep(ms);
    writeSync(file, `end ${run} ${task} ${Date.now()}\n`);
    return { task, at: new Date(task) };
  }
}

class WorkController {
  constructor(work) {
    this.work = work;
  }

  add(first, count, ms, tasks) {
    return Array.from({ length: count }, (_, i) => tasks.addTask(this.work, 'note', first + i, ms).id);
  }
}

function decorate(target, method, decorator, ...parameters) {
  decorator(target.prototype, method, Object.getOwnPropertyDescriptor(target.prototype, method));
  parameters.forEach((parameter, i) => parameter(target.prototype, method, i));
}
decorate(Work, 'note', Task({ queue: 'work' }));
Controller()(WorkController);
Reflect.defineMetadata('design:paramtypes', [Work], WorkController);
Reflect.defineMetadata('design:paramtypes', [Number, Number, Number, BackgroundTasks], WorkController.prototype, 'add');
const number = (name) => Param(name, { transform: Number });
decorate(
  WorkController,
  'add',
  Post('tasks/:first/:count/:ms'),
  number('first'),
  number('count'),
  number('ms'),
  Tasks(),
);

class AppModule {}
Module({
  imports: [BackgroundTasksModule.forRoot({ blockingThreshold: 0 }), BullMqTasksModule.forRoot(JSON.parse(options))],
  controllers: [WorkController],
  providers: [Work],
})(AppModule);

const app = await NestFactory.create(AppModule, { logger: ['warn', 'error'] });
app.enableShutdownHooks();
await app.listen(0, '127.0.0.1');
// Otherwise the server may close an idle connection just when a client sends its next request, and that request fails.
app.getHttpServer().keepAliveTimeout = 600_000;
const registry = app.get(TaskRegistry);
process.on('message', async ({ question, ids }) => {
  const records = [];
  for (const id of ids) {
    records.push(await registry.get(id).catch(({ message }) => ({ id, status: message })));
  }
  process.send({ question, records });
});
// Ends when the process that started it is gone.
process.on('disconnect', () => process.exit());
process.send({ port: app.getHttpServer().address().port });
