import { connect } from 'node:net';
import { once } from 'node:events';
import {
  Controller,
  Injectable,
  Scope,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
  type INestMicroservice,
} from '@nestjs/common';
import {
  ClientProxyFactory,
  EventPattern,
  MessagePattern,
  Payload,
  RpcException,
  Transport,
} from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { firstValueFrom, lastValueFrom, of, toArray } from 'rxjs';
import { expect, onTestFinished, test } from 'vitest';
import { BackgroundTasks, BackgroundTasksModule, TaskRunner, Tasks } from 'nestjs-background-tasks';
import { RecordingLogger } from './fixtures/recording-logger.ts';

let order: string[] = [];

@Injectable()
class AuditGuard implements CanActivate {
  constructor(private readonly tasks: BackgroundTasks) {}

  canActivate(context: ExecutionContext) {
    this.tasks.with({ runOn: 'always' }).addTask(() => order.push('guard'));
    return context.switchToRpc().getData<string>() !== 'refuse';
  }
}

@Controller()
class MessageController {
  @MessagePattern('order')
  handle(@Payload() data: string, @Tasks() tasks: BackgroundTasks) {
    for (const runOn of ['success', 'failure', 'always'] as const) {
      tasks.with({ runOn }).addTask(() => order.push(runOn));
    }
    order.push('handler');
    if (data === 'throw') {
      throw new RpcException('refused');
    }
    return `reply to ${data}`;
  }

  @MessagePattern('stream')
  stream(@Payload() _data: string, @Tasks() tasks: BackgroundTasks) {
    tasks.addTask(() => order.push('task'));
    return of('one', 'two', 'three');
  }

  @EventPattern('event')
  event(@Payload() _data: string, @Tasks() tasks: unknown) {
    (tasks as BackgroundTasks).addTask(() => order.push('event'));
  }

  @UseGuards(AuditGuard)
  @MessagePattern('guarded')
  guarded(@Payload() _data: string, @Tasks() tasks: BackgroundTasks) {
    tasks.addTask(() => order.push('handler'));
    return 'let in';
  }
}

async function start(scope: Scope.REQUEST | Scope.DEFAULT) {
  order = [];
  const module = await Test.createTestingModule({
    imports: [BackgroundTasksModule.forRoot({ scope, shutdownTimeout: 500 })],
    controllers: [MessageController],
    providers: [AuditGuard],
  })
    .setLogger(new RecordingLogger())
    .compile();
  const app: INestMicroservice = module.createNestMicroservice({
    transport: Transport.TCP,
    options: { host: '127.0.0.1', port: 0 },
  });
  await app.listen();
  onTestFinished(() => app.close());
  const { port } = app.unwrap<{ address(): { port: number } }>().address();
  const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
  onTestFinished(() => client.close());
  return { client, port, runner: app.get(TaskRunner) };
}

const scopes = [
  ['request', Scope.REQUEST],
  ['default', Scope.DEFAULT],
] as const;

test.each(scopes)('over TCP, in scope %s: tasks run when the handler is done', async (_name, scope) => {
  const { client, runner } = await start(scope);
  expect(await firstValueFrom(client.send('order', 'a'))).toBe('reply to a');
  await runner.drain();
  expect(order).toEqual(['handler', 'success', 'always']);
});

test.each(scopes)('over TCP, in scope %s: by whether the handler threw', async (_name, scope) => {
  const { client, runner } = await start(scope);
  await expect(firstValueFrom(client.send('order', 'throw'))).rejects.toBeDefined();
  await runner.drain();
  expect(order).toEqual(['handler', 'failure', 'always']);
});

test.each(scopes)('over TCP, in scope %s: after the last of several replies; of events too', async (_name, scope) => {
  const { client, runner } = await start(scope);
  const replies = await lastValueFrom(client.send<string>('stream', 'a').pipe(toArray()));
  expect(replies).toEqual(['one', 'two', 'three']);
  client.emit('event', 'b');
  await expect.poll(() => order).toEqual(['task', 'event']);
  await runner.drain();
});

test('over TCP, the reply is written before a task begins', async () => {
  const { port, runner } = await start(Scope.REQUEST);
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  const message = JSON.stringify({ pattern: 'order', data: 'raw', id: '1' });
  socket.write(`${message.length}#${message}`);
  runner.events.subscribe(({ type }) => void (type === 'started' && order.push('started')));
  const [reply] = (await once(socket, 'data')) as [Buffer];
  expect(reply.toString()).toContain('reply to raw');
  await runner.drain();
  expect(order.indexOf('started')).toBe(1);
});

test('over TCP, a guard adds to the same collection, and its task runs if it refuses', async () => {
  const { client, runner } = await start(Scope.REQUEST);
  expect(await firstValueFrom(client.send('guarded', 'in'))).toBe('let in');
  await runner.drain();
  expect(order).toEqual(['guard', 'handler']);
});
