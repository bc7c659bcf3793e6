import { expect, test } from 'vitest';
import { TaskRegistry } from 'nestjs-background-tasks';
import { AttemptRunner, type DurableAttempt } from '../lib/durable/attempt-runner.ts';
import { readTaskCall } from '../lib/task/call/read-task-call.ts';
import { Gate } from './fixtures/gate.ts';
import { startApp } from './fixtures/start-app.ts';
import { fail } from './fixtures/threads/math.task.ts';

const attemptOf = (call: DurableAttempt['call'], id: string, attempts = 1): DurableAttempt => ({
  call,
  restored: { id, createdAt: Date.now(), attempts: 0 },
  options: { attempts },
  observer: { began: () => undefined, progressed: () => undefined },
});

test('a durable attempt that a subscriber of the event added cancels has a result', async () => {
  const { app, runner } = await startApp({});
  runner.events.subscribe(({ type, task }) => {
    if (type === 'added') {
      void app.get(TaskRegistry).cancel(task.id);
    }
  });
  const { task, result } = app.get(AttemptRunner).run(attemptOf(readTaskCall('start', [() => 'ran']), 'a'));
  expect(await result).toMatchObject({ status: 'cancelled' });
  expect(task.status).toBe('cancelled');
});

test('a durable attempt in a thread gives back its place when the queue makes the next one', async () => {
  const { app, runner } = await startApp({}, { pool: { maxThreads: 1, maxQueue: 1 } });
  for (let i = 0; i < 3; i++) {
    const { task, result } = app
      .get(AttemptRunner)
      .run(attemptOf(readTaskCall('start', [fail, 'string']), `id ${i}`, 2));
    expect(await result).toMatchObject({ status: 'failed', isWorthAnother: true });
    // The queue owns the task now.
    expect(task.cancel()).toBe(false);
  }
  expect(runner.stats()).toMatchObject({ pending: 0, running: 0, cancelled: 0 });
  expect(await runner.start(fail, 'string').settled()).toMatchObject({ status: 'failed' });
});

test('the statistics no longer count a durable attempt in the event retrying', async () => {
  const { app, runner } = await startApp({});
  const seen: number[] = [];
  runner.events.subscribe(({ type }) => {
    if (type === 'retrying') {
      const { pending, running } = runner.stats();
      seen.push(pending, running);
    }
  });
  const boom = () => Promise.reject(new Error('boom'));
  const { result } = app.get(AttemptRunner).run(attemptOf(readTaskCall('start', [boom]), 'a', 2));
  expect(await result).toMatchObject({ status: 'failed', isWorthAnother: true });
  expect(seen).toEqual([0, 0]);
  await runner.drain();
});

test('the history that forgets an earlier attempt does not forget the one that runs', async () => {
  const { app, runner } = await startApp({}, { history: { max: 1 } });
  const boom = () => Promise.reject(new Error('boom'));
  const first = app.get(AttemptRunner).run(attemptOf(readTaskCall('start', [boom]), 'a'));
  expect(await first.result).toMatchObject({ status: 'failed' });
  // Somebody has asked the queue to retry the task.
  const gate = new Gate();
  const second = app.get(AttemptRunner).run(attemptOf(readTaskCall('start', [() => gate.opened]), 'a'));
  await runner.start(() => undefined).settled();
  expect(await app.get(TaskRegistry).get('a')).toMatchObject({ status: 'running' });
  gate.open();
  expect(await second.result).toMatchObject({ status: 'completed' });
});
