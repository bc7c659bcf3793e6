import { setTimeout } from 'node:timers/promises';
import { Controller, Scope } from '@nestjs/common';
import { ClientProxyFactory, EventPattern, MessagePattern, Payload, Transport } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { firstValueFrom } from 'rxjs';
import { expect, onTestFinished, test } from 'vitest';
import { BackgroundTasks, BackgroundTasksModule, TaskRunner, Tasks } from 'nestjs-background-tasks';
import { Gate } from './fixtures/gate.ts';
import { RecordingLogger } from './fixtures/recording-logger.ts';

let order: string[] = [];

@Controller()
class EventController {
  @EventPattern('event')
  event(@Payload() data: string, @Tasks() tasks: unknown) {
    (tasks as BackgroundTasks).addTask(() => order.push(`${data} task`));
    order.push(`${data} handler`);
  }
}

@Controller()
class SteadyController {
  @MessagePattern('steady')
  async steady(@Payload() data: number, @Tasks() tasks: BackgroundTasks) {
    tasks.addTask(async () => {
      await setTimeout(5);
      order.push(`${data}`);
    });
    await setTimeout(5);
    return data;
  }
}

async function start(scope: Scope, shutdownTimeout = 500) {
  order = [];
  const module = await Test.createTestingModule({
    imports: [BackgroundTasksModule.forRoot({ scope, shutdownTimeout })],
    controllers: [EventController, SteadyController],
  })
    .setLogger(new RecordingLogger())
    .compile();
  const app = module.createNestMicroservice({ transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } });
  await app.listen();
  onTestFinished(() => app.close());
  const { port } = app.unwrap<{ address(): { port: number } }>().address();
  const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
  onTestFinished(() => client.close());
  return { app, client };
}

const scopes = [
  ['request', Scope.REQUEST],
  ['default', Scope.DEFAULT],
] as const;

test.each(scopes)('an event, which has no reply, in scope %s: tasks run after its handler', async (_name, scope) => {
  const { app, client } = await start(scope);
  client.emit('event', 'a');
  await expect.poll(() => order).toEqual(['a handler', 'a task']);
  await app.get(TaskRunner).drain();
});

test.each(scopes)('messages that don’t end don’t keep it from closing, in scope %s', async (_name, scope) => {
  const { app, client } = await start(scope, 20_000);
  const answered: number[] = [];
  const closed = new Gate();
  let next = 0;
  const send = async () => {
    for (;;) {
      const reply = firstValueFrom(client.send<number>('steady', next++)).catch(() => undefined);
      const data = await Promise.race([reply, closed.opened]);
      if (data === undefined) {
        return;
      }
      answered.push(data);
    }
  };
  const senders = Array.from({ length: 4 }, send);
  await expect.poll(() => answered.length).toBeGreaterThan(10);
  const startedAt = performance.now();
  await app.close();
  closed.open();
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  await Promise.all(senders);
  expect(order).toEqual(expect.arrayContaining(answered.map(String)));
});
