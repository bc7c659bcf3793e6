import { ConflictException, Controller, Get, Injectable, Post, Scope } from '@nestjs/common';
import { describe, expect, test } from 'vitest';
import { BackgroundTasks, currentTask, Task, TaskRegistry, Tasks } from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';
import { square } from '../fixtures/threads/stored.task.ts';

const ran: unknown[] = [];

@Injectable()
class Mailer {
  @Task({ queue: 'mail' })
  send(to: string, at?: Date, tags?: Map<string, Set<bigint>>) {
    ran.push({ to, at, tags, task: currentTask()!.name });
    return { to, at };
  }
}

@Injectable({ scope: Scope.REQUEST })
class Report {
  @Task({ queue: 'reports' })
  render(id: string) {
    ran.push(`report ${id}`);
    return id;
  }
}

@Controller()
class MailController {
  constructor(private readonly mailer: Mailer) {}

  @Post('send')
  send(@Tasks() tasks: BackgroundTasks) {
    const task = tasks.addTask(
      this.mailer,
      'send',
      'ada@example.com',
      new Date(0),
      new Map([['a', new Set([1n, 2n])]]),
    );
    tasks.addTask(Report, 'render', 'r1');
    return { id: task.id };
  }

  @Post('throws')
  throws(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(this.mailer, 'send', 'nobody@example.com');
    throw new ConflictException();
  }

  @Get('bad')
  bad(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(this.mailer, 'send', (() => 'x') as never);
  }
}

const start = (connection: string, prefix: string, worker: false | object = {}) => {
  ran.length = 0;
  return startApp({
    imports: [BullMqTasksModule.forRoot({ connection, prefix, worker })],
    controllers: [MailController],
    providers: [Mailer, Report],
  });
};

stopStores();

describe.each(stores)('on $name', ({ connection }) => {
  test('a 2xx means that it is stored, and a worker of another process runs it', async () => {
    const prefix = ownPrefix();
    const web = await start(connection, prefix, false);
    const response = await fetch(`${web.url}/send`, { method: 'POST' });
    expect(response.status).toBe(201);
    const { id } = (await response.json()) as { id: string };
    expect(await web.app.get(TaskRegistry).get(id)).toMatchObject({ id, name: 'Mailer.send', status: 'pending' });
    expect(web.runner.stats().pending).toBe(0);
    expect(ran).toEqual([]);
    const worker = await start(connection, prefix);
    await expect.poll(() => ran, { timeout: 10_000 }).toHaveLength(2);
    expect(ran).toContainEqual({
      to: 'ada@example.com',
      at: new Date(0),
      tags: new Map([['a', new Set([1n, 2n])]]),
      task: 'Mailer.send',
    });
    expect(ran).toContain('report r1');
    await expect
      .poll(() => web.app.get(TaskRegistry).get(id), { timeout: 10_000 })
      .toMatchObject({ id, status: 'completed', attempts: 1, result: { to: 'ada@example.com' } });
    expect(await worker.app.get(TaskRegistry).get(id)).toMatchObject({ status: 'completed' });
  });

  test('a handler that throws stores nothing, and what can’t be stored is refused at once', async () => {
    const prefix = ownPrefix();
    const { url, runner } = await start(connection, prefix);
    expect((await fetch(`${url}/throws`, { method: 'POST' })).status).toBe(409);
    expect((await fetch(`${url}/bad`)).status).toBe(500);
    await runner.drain(5_000);
    expect(ran).toEqual([]);
  });

  test('a call’s name is for logs: workers know it by its own', async () => {
    const { runner, app } = await start(connection, ownPrefix());
    const task = runner.with({ name: 'welcome' }).start(app.get(Mailer), 'send', 'ada@example.com');
    expect(await task.settled()).toMatchObject({ name: 'Mailer.send', status: 'completed' });
  });

  test('the options may come from a factory', async () => {
    const prefix = ownPrefix();
    const { runner, app } = await startApp({
      imports: [BullMqTasksModule.forRootAsync({ useFactory: async () => ({ connection, prefix }) })],
      providers: [Mailer],
    });
    expect(await runner.start(app.get(Mailer), 'send', 'ada').settled()).toMatchObject({ status: 'completed' });
  });

  test('one for a thread runs in a thread', async () => {
    const { runner } = await start(connection, ownPrefix());
    expect(await runner.start(square, 7).settled()).toMatchObject({
      name: 'square',
      status: 'completed',
      result: { square: 49, isMainThread: false, attempt: 1 },
    });
  });
});

test('what is no store is refused, with what is', async () => {
  await expect(start('mysql://localhost', ownPrefix())).rejects.toThrow(/connection.*redis:.*postgres:.*mysql/s);
});
