import { createServer, type AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { defineTask, TooManyTasksError } from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { startApp } from '../fixtures/start-app.ts';
import { fill, square } from '../fixtures/threads/stored.task.ts';

/** A server that accepts connections and never answers. */
async function silentServer(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  return (server.address() as AddressInfo).port;
}

const start = async (scheme: string) => {
  const options = { enqueueTimeout: 100, onUnavailable: 'run-here', worker: false } as const;
  const connection = `${scheme}://127.0.0.1:${await silentServer()}${scheme === 'redis' ? '' : '/test'}`;
  return startApp(
    { imports: [BullMqTasksModule.forRoot({ connection, ...options })] },
    { pool: { maxThreads: 1, maxQueue: 1 } },
  );
};

test.each(['redis', 'postgres'])('on %s, thread tasks run here by the door of all others', async (scheme) => {
  const { runner } = await start(scheme);
  const bytes = new Uint8Array(4);
  const first = runner.start(fill, bytes);
  expect(await first.settled()).toMatchObject({ status: 'completed', result: 4 });
  // The task had a copy.
  expect([...bytes]).toEqual([0, 0, 0, 0]);
  // Accepted before, so there is room for all.
  const tasks = [1, 2, 3, 4, 5].map((n) => runner.start(square, n));
  const records = await Promise.all(tasks.map((task) => task.settled()));
  expect(records.map(({ status }) => status)).toEqual(Array(5).fill('completed'));
  // The places are counted as before: one task in the thread, one that waits.
  const direct = defineTask(fill, {
    name: 'fill',
    thread: new URL('../fixtures/threads/stored.task.ts', import.meta.url),
  });
  const added = [runner.start(direct, bytes), runner.start(direct, bytes)];
  expect(() => runner.start(direct, bytes)).toThrow(TooManyTasksError);
  await Promise.all(added.map((task) => task.settled()));
});

test('on redis, what a thread can’t clone fails, and the others run', async () => {
  const { runner, log } = await start('redis');
  const tasks = [runner.start(square, new Proxy({}, {}) as never), runner.start(square, 3)];
  const [failed, completed] = await Promise.all(tasks.map((task) => task.settled()));
  expect(failed).toMatchObject({ status: 'failed', error: { name: 'TaskArgumentError' } });
  expect(completed).toMatchObject({ status: 'completed' });
  expect(log.said('error').some(({ message }) => message.includes(failed!.id))).toBe(true);
});
