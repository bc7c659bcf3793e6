import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Scope, type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { BackgroundTasks, BackgroundTasksModule, TaskRunner, Tasks } from 'nestjs-background-tasks';
import { RecordingLogger } from './fixtures/recording-logger.ts';

let order: string[] = [];

@WebSocketGateway()
class OrderGateway {
  @SubscribeMessage('order')
  handle(@MessageBody() data: string, @Tasks() tasks: BackgroundTasks) {
    for (const runOn of ['success', 'failure', 'always'] as const) {
      tasks.with({ runOn }).addTask(() => order.push(`${data} ${runOn}`));
    }
    order.push(`${data} handler`);
    if (data === 'throw') {
      throw new WsException('refused');
    }
    return { event: 'reply', data };
  }
}

@WebSocketGateway()
class SingletonGateway {
  constructor(private readonly tasks: BackgroundTasks) {}

  @SubscribeMessage('singleton')
  async handle(@MessageBody() data: string) {
    this.tasks.addTask(() => order.push(`${data} task`));
    await new Promise(setImmediate);
    order.push(`${data} handler`);
    return { event: 'reply', data };
  }
}

async function start(scope: Scope.REQUEST | Scope.DEFAULT) {
  order = [];
  const module = await Test.createTestingModule({
    imports: [BackgroundTasksModule.forRoot({ scope, shutdownTimeout: 500 })],
    providers: [OrderGateway, ...(scope === Scope.DEFAULT ? [SingletonGateway] : [])],
  })
    .setLogger(new RecordingLogger())
    .compile();
  const app: INestApplication = module.createNestApplication();
  app.useWebSocketAdapter(new WsAdapter(app));
  await app.listen(0, '127.0.0.1');
  onTestFinished(() => app.close());
  const { port } = app.getHttpServer().address() as AddressInfo;
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  await once(socket, 'open');
  onTestFinished(() => socket.terminate());
  const send = (event: string, data: string) => socket.send(JSON.stringify({ event, data }));
  return { socket, send, runner: app.get(TaskRunner) };
}

test.each([
  ['request', Scope.REQUEST],
  ['default', Scope.DEFAULT],
] as const)('through a WebSocket, in scope %s: after the handler, by whether it threw', async (_name, scope) => {
  const { socket, send, runner } = await start(scope);
  send('order', 'a');
  const [reply] = (await once(socket, 'message')) as [Buffer];
  expect(JSON.parse(reply.toString())).toEqual({ event: 'reply', data: 'a' });
  await runner.drain();
  expect(order).toEqual(['a handler', 'a success', 'a always']);
  order = [];
  send('order', 'throw');
  await expect.poll(() => order).toEqual(['throw handler', 'throw failure', 'throw always']);
});

test('through a WebSocket, a singleton gateway has the tasks of each message', async () => {
  const { send, runner } = await start(Scope.DEFAULT);
  send('singleton', 'a');
  send('singleton', 'b');
  await expect.poll(() => order).toHaveLength(4);
  await runner.drain();
  for (const name of ['a', 'b']) {
    expect(order.indexOf(`${name} handler`)).toBeLessThan(order.indexOf(`${name} task`));
  }
});
