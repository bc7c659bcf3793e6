import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { describe, expect, test } from 'vitest';
import { InvalidOptionError, Task, TaskArgumentError, TaskFilterError, TaskRegistry } from 'nestjs-background-tasks';
import { BullMqQueues, BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { unreadableArguments } from '../../lib/bullmq/bullmq.messages.ts';
import { noSuchQueue, retryIfOfCall } from '../../lib/durable/durable.messages.ts';
import { unknownQueue } from '../../lib/services/services.messages.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';

@Injectable()
class Mailer {
  @Task({ queue: 'mail' })
  send() {}

  @Task({ queue: 'mail', attempts: 5, retryIf: (error) => !(error instanceof TypeError) })
  hopeless() {
    throw new TypeError('never');
  }
}

const start = (connection: string, prefix: string, worker: false | object = {}) =>
  startApp({ imports: [BullMqTasksModule.forRoot({ connection, prefix, worker })], providers: [Mailer] });

stopStores();

describe.each(stores)('on $name', ({ connection }) => {
  test('retryIf counts where the task is defined, and is refused where it can’t be stored', async () => {
    const { runner, app } = await start(connection, ownPrefix());
    const task = runner.start(app.get(Mailer), 'hopeless');
    expect(await task.settled()).toMatchObject({ status: 'failed', attempts: 1, error: { name: 'TypeError' } });
    expect(() => runner.with({ retryIf: () => true }).start(app.get(Mailer), 'hopeless')).toThrow(
      new TaskArgumentError(retryIfOfCall('Mailer.hopeless')),
    );
  });
});

test.each(stores)('on $name, a job that something else has put there fails, and says so', async ({ connection }) => {
  const { app, log } = await start(connection, ownPrefix());
  const message = unreadableArguments('Mailer.send', 'mail');
  const ids: (string | undefined)[] = [];
  const args = [undefined, ['ada'], null, { json: 'ada' }, { base64: '?' }];
  for (const data of args.map((it) => ({ args: it }))) {
    const { id } = await app.get(BullMqQueues).get('mail').add('Mailer.send', data, { jobId: randomUUID() });
    ids.push(id);
    await expect
      .poll(() => app.get(TaskRegistry).get(id!))
      .toMatchObject({ status: 'failed', error: { name: 'TaskQueueError', message } });
  }
  expect(log.said('error').map((entry) => entry.message)).toEqual(ids.map((id) => `${message} (${id})`));
});

test.each(stores)(
  'on $name, a queue that no task names is an error whose cause names those that there are',
  async (it) => {
    const { app } = await start(it.connection, ownPrefix());
    await expect(app.get(TaskRegistry).list({ queue: 'nope' })).rejects.toThrow(
      new TaskFilterError(unknownQueue('nope'), { cause: new InvalidOptionError(noSuchQueue('nope', ['mail'])) }),
    );
  },
);

test('a queue that no task names is such an error', async () => {
  const { app } = await startApp({});
  await expect(app.get(TaskRegistry).list({ queue: 'mail' })).rejects.toThrow(
    new TaskFilterError(unknownQueue('mail')),
  );
  expect(await app.get(TaskRegistry).retry('2ab04a53-2f28-4ed6-9b41-3f37c4b59bb4')).toBe(false);
});
