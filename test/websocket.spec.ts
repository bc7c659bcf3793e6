import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Scope } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { BackgroundTasks, BackgroundTasksModule, TaskRunner } from 'nestjs-background-tasks';
import { RecordingLogger } from './fixtures/recording-logger.ts';

const order: string[] = [];

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

test('a singleton gateway keeps the tasks of messages apart, also on one connection', async () => {
  const module = await Test.createTestingModule({
    imports: [BackgroundTasksModule.forRoot({ scope: Scope.DEFAULT, shutdownTimeout: 500 })],
    providers: [SingletonGateway],
  })
    .setLogger(new RecordingLogger())
    .compile();
  const app = module.createNestApplication();
  app.useWebSocketAdapter(new WsAdapter(app));
  await app.listen(0, '127.0.0.1');
  onTestFinished(() => app.close());
  const { port } = app.getHttpServer().address() as AddressInfo;
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  await once(socket, 'open');
  onTestFinished(() => socket.terminate());
  for (const data of ['a', 'b']) {
    socket.send(JSON.stringify({ event: 'singleton', data }));
  }
  await expect.poll(() => order).toHaveLength(4);
  await app.get(TaskRunner).drain();
  for (const name of ['a', 'b']) {
    expect(order.indexOf(`${name} handler`)).toBeLessThan(order.indexOf(`${name} task`));
  }
});
