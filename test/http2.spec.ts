import { once } from 'node:events';
import { connect, constants } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { ConflictException, Controller, Get, Scope } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { expect, onTestFinished, test } from 'vitest';
import { BackgroundTasks, BackgroundTasksModule, TaskRunner, Tasks } from 'nestjs-background-tasks';
import { Gate } from './fixtures/gate.ts';
import { RecordingLogger } from './fixtures/recording-logger.ts';

test.each([
  ['request', Scope.REQUEST],
  ['default', Scope.DEFAULT],
] as const)('over HTTP/2, in scope %s: a client that leaves changes nothing', async (_name, scope) => {
  const order: string[] = [];
  const [asked, left] = [new Gate(), new Gate()];

  @Controller()
  class OrderController {
    @Get('stays')
    stays(@Tasks() tasks: BackgroundTasks) {
      tasks.addTask(() => order.push('task'));
      order.push('handler');
      return 'ok';
    }

    @Get('leaves')
    async leaves(@Tasks() tasks: BackgroundTasks) {
      tasks.addTask(() => order.push('success'));
      tasks.with({ runOn: 'failure' }).addTask(() => order.push('failure'));
      asked.open();
      await left.opened;
      order.push('left');
      throw new ConflictException();
    }
  }

  const module = await Test.createTestingModule({
    imports: [BackgroundTasksModule.forRoot({ scope, shutdownTimeout: 500 })],
    controllers: [OrderController],
  })
    .setLogger(new RecordingLogger())
    .compile();
  const app = module.createNestApplication(new FastifyAdapter({ http2: true }));
  await app.listen(0, '127.0.0.1');
  onTestFinished(() => app.close());
  const { port } = app.getHttpServer().address() as AddressInfo;
  const client = connect(`http://127.0.0.1:${port}`);
  onTestFinished(() => client.destroy());

  const staying = client.request({ ':path': '/stays' });
  await once(staying.resume(), 'end');
  await app.get(TaskRunner).drain();
  expect(order.splice(0)).toEqual(['handler', 'task']);

  const leaving = client.request({ ':path': '/leaves' });
  await asked.opened;
  leaving.close(constants.NGHTTP2_CANCEL);
  await once(leaving, 'close');
  await new Promise((resolve) => setImmediate(resolve));
  expect(order).toEqual([]);
  left.open();
  await app.get(TaskRunner).drain();
  expect(order).toEqual(['left', 'failure']);
});
