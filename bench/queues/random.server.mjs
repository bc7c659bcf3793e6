// A web process or a worker for random.mjs. A request says how it wants to go: node random.server.mjs FILE OPTIONS PLATFORM
import 'reflect-metadata';
import { openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Body, Controller, Delete, HttpException, Module, Param, Post, Res } from '@nestjs/common';
import { APP_INTERCEPTOR, NestFactory } from '@nestjs/core';
import {
  BackgroundTasks,
  BackgroundTasksModule,
  currentTask,
  Task,
  TaskRegistry,
  TaskRunner,
  Tasks,
} from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { map, mergeMap } from 'rxjs';

const [, , path, options, platform] = process.argv;
const file = openSync(path, 'a');
let runs = 0;
/** The numbers of tasks, by their ids. */
const numbers = new Map();

class Work {
  /** @param failures how many attempts fail before one succeeds */
  async note(task, ms, failures) {
    const run = `${process.pid}/${runs++}`;
    writeSync(file, `start ${run} ${task} ${Date.now()}\n`);
    await sleep(ms);
    if (currentTask().attempt <= failures) {
      throw new Error(`attempt ${currentTask().attempt} of ${task}`);
    }
    writeSync(file, `end ${run} ${task} ${Date.now()}\n`);
  }
}

/** Stands outside of the interceptor of the package: it is registered before. */
class Outer {
  intercept(context, next) {
    const plan = context.switchToHttp().getRequest().body ?? {};
    return next.handle().pipe(
      mergeMap(async (value) => {
        if (plan.outer === 'slow') {
          await sleep(5);
        }
        return value;
      }),
      map((value) => {
        if (plan.outer === 'throws') {
          throw new HttpException('outer', 500);
        }
        return value;
      }),
    );
  }
}

class RandomController {
  constructor(work, registry) {
    this.work = work;
    this.registry = registry;
  }

  async add(plan, tasks, response) {
    const ids = [];
    for (const [i, { task, ms, failures, runOn }] of plan.tasks.entries()) {
      ids.push(this.addOne(tasks, task, ms, failures, runOn));
      if (plan.flushAfter === i + 1) {
        await tasks.flush();
      }
    }
    if (plan.handler === 'throws') {
      throw new HttpException({ ids }, plan.status);
    }
    if (plan.handler === 'writes') {
      const raw = response.raw ?? response;
      if (platform === 'fastify') {
        response.hijack();
      }
      raw.writeHead(plan.status, { 'content-type': 'application/json' });
      raw.end(JSON.stringify({ ids }));
      return;
    }
    response.status(plan.status);
    response.send({ ids });
  }

  addOne(tasks, task, ms, failures, runOn) {
    const { id } = tasks.with({ runOn }).addTask(this.work, 'note', task, ms, failures);
    numbers.set(id, task);
    return id;
  }

  async passthrough(plan, tasks, response) {
    const ids = plan.tasks.map(({ task, ms, failures, runOn }) => this.addOne(tasks, task, ms, failures, runOn));
    response.status(plan.status);
    return { ids };
  }

  async cancel(id) {
    return { isCancelled: await this.registry.cancel(id) };
  }
}

function decorate(target, method, decorator, ...parameters) {
  decorator(target.prototype, method, Object.getOwnPropertyDescriptor(target.prototype, method));
  parameters.forEach((parameter, i) => parameter?.(target.prototype, method, i));
}
decorate(Work, 'note', Task({ queue: 'random', attempts: 4, backoff: { type: 'fixed', delay: 20 } }));
Controller()(RandomController);
Reflect.defineMetadata('design:paramtypes', [Work, TaskRegistry], RandomController);
for (const method of ['add', 'passthrough']) {
  Reflect.defineMetadata('design:paramtypes', [Object, BackgroundTasks, Object], RandomController.prototype, method);
}
decorate(RandomController, 'add', Post('add'), Body(), Tasks(), Res());
decorate(RandomController, 'passthrough', Post('passthrough'), Body(), Tasks(), Res({ passthrough: true }));
decorate(RandomController, 'cancel', Delete('tasks/:id'), Param('id'));

class AppModule {}
Module({
  imports: [BackgroundTasksModule.forRoot({ blockingThreshold: 0 }), BullMqTasksModule.forRoot(JSON.parse(options))],
  controllers: [RandomController],
  providers: [Work, { provide: APP_INTERCEPTOR, useClass: Outer }],
})(AppModule);

const adapter = platform === 'fastify' ? [new (await import('@nestjs/platform-fastify')).FastifyAdapter()] : [];
const app = await NestFactory.create(AppModule, ...adapter, {
  logger: process.env.VERBOSE ? ['warn', 'error'] : false,
});
app.enableShutdownHooks();
await app.listen(0, '127.0.0.1');
app.getHttpServer().keepAliveTimeout = 600_000;
const registry = app.get(TaskRegistry);
// A web process runs no task: one that fails here was refused by its queue.
app.get(TaskRunner).events.subscribe(({ type, task }) => {
  if (type === 'failed' && numbers.has(task.id)) {
    process.send({ refused: numbers.get(task.id) });
  }
});
process.on('message', async ({ question, ids }) => {
  const records = [];
  for (const id of ids) {
    records.push(await registry.get(id).catch(({ message }) => ({ id, status: message })));
  }
  process.send({ question, records });
});
// The process that started this one is gone.
process.on('disconnect', () => process.exit());
process.send({ port: app.getHttpServer().address().port });
