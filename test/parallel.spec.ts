import { Controller, Get } from '@nestjs/common';
import { expect, test } from 'vitest';
import { BackgroundTasks, Tasks, type BackgroundTask } from 'nestjs-background-tasks';
import { Gate } from './fixtures/gate.ts';
import { startApp } from './fixtures/start-app.ts';

const entered: number[] = [];
const order: string[] = [];
const gate = new Gate();
let added: readonly BackgroundTask[];

@Controller()
class ParallelController {
  @Get('group')
  group(@Tasks() tasks: BackgroundTasks) {
    for (let i = 0; i < 5; i++) {
      tasks.addTask(async () => {
        entered.push(i);
        if (i === 0) {
          tasks.addTask(() => entered.push(5));
        }
        await gate.opened;
      });
    }
    added = tasks.tasks;
  }

  @Get('many')
  many(@Tasks() tasks: BackgroundTasks) {
    for (let i = 0; i < 1_000; i++) {
      tasks.addTask(() => {
        const end = performance.now() + 1;
        while (performance.now() < end);
        order.push('many');
      });
    }
  }

  @Get('failing')
  failing(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(() => Promise.reject(new Error('boom')));
    tasks.addTask(() => undefined);
    added = tasks.tasks;
  }
}

test("execution: 'parallel' starts all of a request's tasks, also what they add", async () => {
  const { url, runner } = await startApp({ controllers: [ParallelController] }, { execution: 'parallel' });
  await fetch(`${url}/group`);
  await expect.poll(() => entered).toEqual([0, 1, 2, 3, 4, 5]);
  expect(added.map(({ status }) => status)).toEqual([...Array(5).fill('running'), 'completed']);
  gate.open();
  await runner.drain();
  expect(added.every(({ status }) => status === 'completed')).toBe(true);
});

test('no task comes after another, so a failure skips none', async () => {
  const { url, runner, log } = await startApp({ controllers: [ParallelController] }, { execution: 'parallel' });
  await fetch(`${url}/failing`);
  await runner.drain();
  expect(added.map(({ status }) => status)).toEqual(['failed', 'completed']);
  expect(log.said('error')).toHaveLength(1);
  expect(log.said('warn')).toEqual([]);
});

test('a request with many tasks does not hold back one with a single task', async () => {
  const { url, runner } = await startApp({ controllers: [ParallelController] }, { execution: 'parallel' });
  order.length = 0;
  await fetch(`${url}/many`);
  await expect.poll(() => order.length).toBeGreaterThan(0);
  const before = order.length;
  runner.start(() => order.push('single'));
  await runner.drain();
  expect(order.indexOf('single') - before).toBeLessThan(20);
  expect(order).toHaveLength(1_001);
});
