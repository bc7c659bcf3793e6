import { randomUUID } from 'node:crypto';
import { Injectable, type Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { BackgroundTasksModule, Task, TaskQueueError, TaskRunner } from 'nestjs-background-tasks';
import { BullMqQueues, BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { RecordingLogger } from '../fixtures/recording-logger.ts';

@Injectable()
class Mailer {
  @Task({ queue: 'mail' })
  send() {}

  @Task({ queue: 'reports' })
  build() {}
}

@Injectable()
class NoTasks {}

async function start(
  connection: string,
  { provider = Mailer, enqueueTimeout = 20_000 }: { provider?: Type; enqueueTimeout?: number } = {},
) {
  const app = await Test.createTestingModule({
    imports: [
      BackgroundTasksModule.forRoot(),
      BullMqTasksModule.forRoot({ connection, prefix: ownPrefix(), enqueueTimeout, worker: false }),
    ],
    providers: [provider],
  })
    .setLogger(new RecordingLogger())
    .compile();
  await app.init();
  onTestFinished(() => app.close());
  return { app, runner: app.get(TaskRunner), queues: app.get(BullMqQueues) };
}

/** What BullMQ's objects send to the server. */
interface Sender {
  readonly client?: Promise<{
    eval(...args: unknown[]): Promise<unknown>;
    hset(...args: string[]): Promise<unknown>;
  }>;
  readonly connection: { pool: { query(...args: unknown[]): Promise<unknown> } };
}

stopStores();

describe.each([...stores, { name: 'PGlite', connection: 'pglite:' }])(
  'on $name',
  { timeout: 120_000 },
  ({ name, connection }) => {
    test('the runner and the queues count all queues, by one request', async () => {
      const { runner, queues } = await start(connection);
      await runner.start(Mailer, 'send').stored();
      await runner.start(Mailer, 'send').stored();
      const [mail] = queues.all;
      const sender = mail!.backend as unknown as Sender;
      const requests =
        name === 'Redis' ? vi.spyOn((await sender.client)!, 'eval') : vi.spyOn(sender.connection.pool, 'query');
      const stats = await runner.queueStats();
      expect(requests).toHaveBeenCalledOnce();
      expect(stats).toMatchObject([
        { name: 'mail', pending: 2, isPaused: false },
        { name: 'reports', pending: 0, isPaused: false },
      ]);
      const ofQueues = await queues.queueStats();
      expect(ofQueues).toMatchObject(stats.map(({ oldestAge: _age, ...counts }) => counts));
    });

    test('a paused queue says so, and its tasks go on to grow old', async () => {
      const { runner, queues } = await start(connection);
      await queues.get('mail').pause();
      await runner.start(Mailer, 'send').stored();
      expect(await runner.queueStats()).toMatchObject([
        { name: 'mail', isPaused: true, pending: 1, oldestAge: expect.any(Number) },
        { name: 'reports', isPaused: false },
      ]);
      await queues.get('mail').resume();
      expect(await runner.queueStats()).toMatchObject([{ isPaused: false }, { isPaused: false }]);
    });

    test('a server that does not answer is asked once, and again when it has answered', async () => {
      const { queues } = await start(connection, { enqueueTimeout: 500 });
      await vi.waitFor(() => queues.queueStats(), { timeout: 60_000 });
      const sender = queues.all[0]!.backend as unknown as Sender;
      const requests =
        name === 'Redis' ? vi.spyOn((await sender.client)!, 'eval') : vi.spyOn(sender.connection.pool, 'query');
      let fail: (error: Error) => void;
      requests.mockReturnValueOnce(new Promise<never>((_resolve, reject) => (fail = reject)));
      for (let i = 0; i < 3; i++) {
        await expect(queues.queueStats()).rejects.toThrow(TaskQueueError);
      }
      expect(requests).toHaveBeenCalledOnce();
      fail!(new Error('closed'));
      // A late failure that nobody waits for is no unhandled rejection.
      await new Promise(setImmediate);
      await vi.waitFor(async () => expect(await queues.queueStats()).toHaveLength(2), { timeout: 60_000 });
    });

    test('jobs of other programs, with any data, are counted', async () => {
      const { runner, queues } = await start(connection);
      await queues.get('mail').add('theirs', null, { jobId: randomUUID(), timestamp: 0 });
      await queues.get('mail').add('theirs', [1, 'x'], { jobId: randomUUID() });
      const [mail] = await runner.queueStats();
      expect(mail).toMatchObject({ pending: 2, oldestAge: expect.any(Number) });
      const withDelay = async (delay: string) => {
        const theirs = await queues.get('mail').add('theirs', 1, { jobId: randomUUID() });
        const opts = `{"delay":${delay}}`;
        if (name === 'Redis') {
          const redis = (await (queues.get('mail').backend as unknown as Sender).client)!;
          await redis.hset(queues.get('mail').toKey(theirs.id!), 'opts', opts);
        } else {
          const { pool } = (queues.get('mail').backend as unknown as Sender).connection;
          await pool.query(`UPDATE job SET opts = $2 WHERE id = $1`, [theirs.id, opts]);
        }
      };
      await withDelay('1e30');
      expect((await runner.queueStats())[0]).toMatchObject({ pending: 3, oldestAge: expect.any(Number) });
      // It would make the queue older than it can be.
      await withDelay('-1e15');
      await withDelay('-1e400');
      const [counted] = await runner.queueStats();
      expect(counted!.pending).toBe(5);
      expect(counted!.oldestAge).toBeLessThan(120_000);
    });

    test('once the application has closed, the error says so', async () => {
      const { app, runner } = await start(connection);
      await app.close();
      const asked = runner.queueStats();
      await expect(asked).rejects.toThrow(TaskQueueError);
      await expect(asked).rejects.toThrow('this application has closed its connection to the server');
    });

    test('without a task that names a queue there are none', async () => {
      const { runner } = await start(connection, { provider: NoTasks });
      expect(await runner.queueStats()).toEqual([]);
    });
  },
);

test.each(['redis://127.0.0.1:1', 'postgres://127.0.0.1:1/none'])(
  'when there is no server at %s, it is a TaskQueueError, within the time limit',
  async (connection) => {
    const { runner, queues } = await start(connection, { enqueueTimeout: 300 });
    await expect(runner.queueStats()).rejects.toThrow(TaskQueueError);
    await expect(queues.queueStats()).rejects.toThrow(TaskQueueError);
  },
);

test('without a module for queues there are none', async () => {
  const app = await Test.createTestingModule({ imports: [BackgroundTasksModule.forRoot()] }).compile();
  onTestFinished(() => app.close());
  expect(await app.get(TaskRunner).queueStats()).toEqual([]);
});
