import { Controller, Injectable, Post, Query } from '@nestjs/common';
import { describe, expect, test } from 'vitest';
import { BackgroundTasks, group, step, Task, Tasks, TooManyTasksError } from 'nestjs-background-tasks';
import { BullMqQueues, BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { tooManyAtOnce } from '../../lib/durable/durable.messages.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';

@Injectable()
class Work {
  @Task({ queue: 'work' })
  run(n: number) {
    return n;
  }
}

let refused: unknown;

@Controller()
class WorkController {
  constructor(private readonly work: Work) {}

  @Post('tasks')
  tasks(@Tasks() tasks: BackgroundTasks, @Query('n') n: string) {
    this.#add(() => {
      for (let i = 0; i < Number(n); i++) {
        tasks.addTask(this.work, 'run', i);
      }
    });
  }

  @Post('group')
  group(@Tasks() tasks: BackgroundTasks, @Query('n') n: string) {
    const steps = Array.from({ length: Number(n) - 1 }, (_, i) => step(this.work, 'run', i));
    this.#add(() => tasks.addTask(group(steps, step(this.work, 'run', 0))));
  }

  @Post('flushed')
  async flushed(@Tasks() tasks: BackgroundTasks) {
    for (let i = 0; i < 3; i++) {
      tasks.addTask(this.work, 'run', i);
      tasks.addTask(this.work, 'run', i);
      await tasks.flush();
    }
  }

  #add(add: () => void) {
    try {
      add();
    } catch (error) {
      refused = error;
      throw error;
    }
  }
}

stopStores();

describe.each([...stores, { name: 'PGlite', connection: 'pglite:' }])('on $name', ({ connection }) => {
  async function start(options: object = {}) {
    refused = undefined;
    const { app, url } = await startApp({
      imports: [
        BullMqTasksModule.forRoot({
          connection,
          prefix: ownPrefix(),
          worker: false,
          enqueueTimeout: 20_000,
          ...options,
        }),
      ],
      providers: [Work],
      controllers: [WorkController],
    });
    const counts = () =>
      app.get(BullMqQueues).get('work').getJobCounts('waiting', 'waiting-children', 'active', 'failed');
    return { post: async (path: string) => (await fetch(`${url}/${path}`, { method: 'POST' })).status, counts };
  }

  test.each(['tasks', 'group'])('as many as maxAtOnce are enqueued, and with one more none are: %s', async (path) => {
    const { post, counts } = await start();
    expect(await post(`${path}?n=1001`)).toBe(503);
    expect(refused).toEqual(new TooManyTasksError(tooManyAtOnce('Work.run', 1_000)));
    expect(await post(`${path}?n=25000`)).toBe(503);
    expect(await counts()).toMatchObject({ waiting: 0, 'waiting-children': 0 });
    expect(await post(`${path}?n=1000`)).toBe(201);
    const { waiting, 'waiting-children': parents } = await counts();
    expect(waiting! + parents!).toBe(1_000);
  });

  test('the limit can be raised, and counts from one flush to the next', async () => {
    const { post, counts } = await start({ maxAtOnce: 2 });
    expect(await post('tasks?n=3')).toBe(503);
    expect(await post('flushed')).toBe(201);
    expect(await counts()).toMatchObject({ waiting: 6 });
  });
});
