// An application that notes which tasks it has run, and whether the database was still open: node server.mjs FILE
import 'reflect-metadata';
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Global, Module, Param, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { BackgroundTasks, BackgroundTasksModule, Tasks } from 'nestjs-background-tasks';
import { noteInThread } from './note.task.mjs';

const [, , file, options = '{}'] = process.argv;
const write = (line) => appendFileSync(file, `${line}\n`);

class Database {
  isClosed = false;

  async note(line, ms) {
    await sleep(ms);
    write(this.isClosed ? `closed before ${line}` : line);
  }

  onModuleDestroy() {
    this.isClosed = true;
  }
}

/** Gives the same number for the same request, in every process. */
const pseudoRandom = (n) => ((n * 2_654_435_761) % 2 ** 32) / 2 ** 32;

class WorkController {
  constructor(database) {
    this.database = database;
  }

  async work(id, count, tasks) {
    await sleep(pseudoRandom(id) * 20);
    for (let i = 0; i < count; i++) {
      const ms = pseudoRandom(id * 10 + i) * 300;
      if (id % 10 === 0) {
        tasks.addTask(noteInThread, file, `${id}/${i}`, ms / 10);
      } else {
        tasks.addTask(this.database, 'note', `${id}/${i}`, ms);
      }
    }
    return { id };
  }

  hang(tasks) {
    tasks.with({ name: 'hang' }).addTask(() => new Promise(() => undefined));
  }
}

function decorate(target, method, decorator, ...parameters) {
  decorator(target.prototype, method, Object.getOwnPropertyDescriptor(target.prototype, method));
  parameters.forEach((parameter, i) => parameter(target.prototype, method, i));
}
Controller()(WorkController);
Reflect.defineMetadata('design:paramtypes', [Database], WorkController);
Reflect.defineMetadata('design:paramtypes', [Number, Number, BackgroundTasks], WorkController.prototype, 'work');
const number = { transform: Number };
decorate(WorkController, 'work', Post('orders/:id/:count'), Param('id', number), Param('count', number), Tasks());
decorate(WorkController, 'hang', Post('hang'), Tasks());

class DatabaseModule {}
Global()(DatabaseModule);
Module({ providers: [Database], exports: [Database] })(DatabaseModule);

class AppModule {}
Module({
  imports: [
    DatabaseModule,
    BackgroundTasksModule.forRoot({ blockingThreshold: 0, pool: { maxThreads: 2 }, ...JSON.parse(options) }),
  ],
  controllers: [WorkController],
})(AppModule);

const app = await NestFactory.create(AppModule, { logger: ['warn', 'error'] });
app.enableShutdownHooks();
await app.listen(0, '127.0.0.1');
process.send({ port: app.getHttpServer().address().port });
