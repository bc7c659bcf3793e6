import { Controller, Scope } from '@nestjs/common';
import { ClientProxyFactory, EventPattern, Payload, Transport } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { expect, onTestFinished, test } from 'vitest';
import { BackgroundTasks, BackgroundTasksModule, TaskRunner, Tasks } from 'nestjs-background-tasks';
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

test.each([
  ['request', Scope.REQUEST],
  ['default', Scope.DEFAULT],
] as const)('an event, which has no reply, in scope %s: tasks run after its handler', async (_name, scope) => {
  order = [];
  const module = await Test.createTestingModule({
    imports: [BackgroundTasksModule.forRoot({ scope, shutdownTimeout: 500 })],
    controllers: [EventController],
  })
    .setLogger(new RecordingLogger())
    .compile();
  const app = module.createNestMicroservice({ transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } });
  await app.listen();
  onTestFinished(() => app.close());
  const { port } = app.unwrap<{ address(): { port: number } }>().address();
  const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
  onTestFinished(() => client.close());
  client.emit('event', 'a');
  await expect.poll(() => order).toEqual(['a handler', 'a task']);
  await app.get(TaskRunner).drain();
});
