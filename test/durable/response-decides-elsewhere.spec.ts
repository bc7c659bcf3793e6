// Where the answer is not one of HTTP/1 from a controller: HTTP/2, injected requests, GraphQL, messages, two applications.
import { connect } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { ApolloDriver } from '@nestjs/apollo';
import { Controller, Get, Injectable, Scope } from '@nestjs/common';
import { Args, GraphQLModule, Mutation, Query, Resolver } from '@nestjs/graphql';
import { ClientProxyFactory, MessagePattern, Payload, Transport } from '@nestjs/microservices';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { firstValueFrom } from 'rxjs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { BackgroundTasks, BackgroundTasksModule, Task, TaskRunner, Tasks } from 'nestjs-background-tasks';
import { expectHeld } from '../fixtures/expect-held.ts';
import { FakeQueue } from '../fixtures/fake-queue.ts';
import { rawOf, RawResponse } from '../fixtures/place.ts';
import { RecordingLogger } from '../fixtures/recording-logger.ts';
import type { ServerResponse } from 'node:http';

@Injectable()
class Mailer {
  @Task({ queue: 'mail' })
  send(_when: string) {}
}

const mailer = new Mailer();

function addAll(tasks: BackgroundTasks): void {
  for (const runOn of ['success', 'failure', 'always'] as const) {
    tasks.with({ runOn }).addTask(mailer, 'send', runOn);
  }
}

@Controller()
class MailController {
  @Get(['returned', 'returned/:status'])
  returned(@Tasks() tasks: BackgroundTasks, @RawResponse() response: ServerResponse) {
    addAll(tasks);
    if (response.req.url!.endsWith('422')) {
      rawOf(response).statusCode = 422;
    }
    response.setHeader('x-secret', '1');
    return { ok: true };
  }

  @MessagePattern('send')
  send(@Payload() to: string, @Tasks() tasks: BackgroundTasks) {
    addAll(tasks);
    if (to === 'in flight') {
      void tasks.flush();
    }
    if (to === 'nobody') {
      throw new Error('refused');
    }
    return to;
  }
}

@Resolver()
class MailResolver {
  @Query(() => String)
  hello() {
    return 'hello';
  }

  @Mutation(() => String)
  send(@Args('to') to: string, @Tasks() tasks: BackgroundTasks) {
    addAll(tasks);
    if (to === 'nobody') {
      throw new Error('refused');
    }
    return to;
  }
}

const compile = (scope: Scope.REQUEST | Scope.DEFAULT, metadata: object, imports: object[] = []) =>
  Test.createTestingModule({
    ...metadata,
    imports: [BackgroundTasksModule.forRoot({ scope, shutdownTimeout: 500 }), ...(imports as [])],
  })
    .setLogger(new RecordingLogger())
    .compile();

const onSuccess = ['success', 'always'];
const onFailure = ['failure', 'always'];

describe.each([
  ['request', Scope.REQUEST],
  ['default', Scope.DEFAULT],
] as const)('in scope %s', (_name, scope) => {
  test('HTTP/2', async () => {
    const module = await compile(scope, { controllers: [MailController] });
    const app = module.createNestApplication(new FastifyAdapter({ http2: true }));
    await app.listen(0, '127.0.0.1');
    onTestFinished(() => app.close());
    const queue = FakeQueue.in(app);
    const { port } = app.getHttpServer().address() as AddressInfo;
    const client = connect(`http://127.0.0.1:${port}`);
    onTestFinished(() => client.destroy());
    const get = (path: string) =>
      new Promise<{ status: number; headers: Record<string, unknown>; body: string }>((resolve, reject) => {
        const stream = client.request({ ':path': path });
        let body = '';
        let headers: Record<string, unknown> = {};
        stream.setEncoding('utf8');
        stream.on('response', (received) => (headers = received));
        stream.on('data', (chunk: string) => (body += chunk));
        stream.on('end', () => resolve({ status: Number(headers[':status']), headers, body }));
        stream.on('error', reject);
      });

    const hanging = queue.hang();
    const held = get('/returned');
    await expectHeld(queue, held);
    hanging.answer();
    expect(await held).toMatchObject({ status: 200, body: '{"ok":true}', headers: { 'x-secret': '1' } });
    expect(await get('/returned/422')).toMatchObject({ status: 422 });
    expect(queue.stored).toEqual([onSuccess, onFailure]);
    queue.refuse();
    const refused = await get('/returned');
    expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    expect(refused.headers['x-secret']).toBeUndefined();
    expect(JSON.parse(refused.body)).toEqual({ statusCode: 503, message: 'Service Unavailable' });
    await app.get(TaskRunner).drain();
  });

  test('injected requests', async () => {
    const module = await compile(scope, { controllers: [MailController] });
    const app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter());
    await app.init();
    onTestFinished(() => app.close());
    const queue = FakeQueue.in(app);
    expect(await app.inject('/returned')).toMatchObject({ statusCode: 200, body: '{"ok":true}' });
    expect(await app.inject('/returned/422')).toMatchObject({ statusCode: 422 });
    expect(queue.stored).toEqual([onSuccess, onFailure]);
    queue.refuse();
    expect(await app.inject('/returned')).toMatchObject({ statusCode: 503, headers: { 'retry-after': '1' } });
  });

  test.each(['express', 'fastify'])('GraphQL on %s', async (platform) => {
    const graphql = GraphQLModule.forRoot({ driver: ApolloDriver, autoSchemaFile: true, introspection: false });
    const module = await compile(scope, { providers: [MailResolver] }, [graphql]);
    const app = module.createNestApplication(platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter());
    await app.listen(0, '127.0.0.1');
    onTestFinished(() => app.close());
    const queue = FakeQueue.in(app);
    const { port } = app.getHttpServer().address() as AddressInfo;
    const send = (...to: string[]) =>
      fetch(`http://127.0.0.1:${port}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: `mutation { ${to.map((it, i) => `m${i}: send(to: "${it}")`).join(' ')} }` }),
      });
    expect(await (await send('ada')).json()).toEqual({ data: { m0: 'ada' } });
    expect(queue.stored.splice(0)).toEqual([onSuccess]);
    // One resolver that throws makes the request a failure, though the status is 200.
    expect(await (await send('ada', 'nobody')).json()).toHaveProperty('errors');
    expect(queue.stored.splice(0)).toEqual([[...onFailure, ...onFailure]]);
    queue.refuse();
    const refused = await send('ada');
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('1');
    await app.get(TaskRunner).drain();
  });

  test('messages: what the handler returned or threw, and enqueues in flight', async () => {
    const module = await compile(scope, { controllers: [MailController] });
    const options = { host: '127.0.0.1', port: 0 };
    const app = module.createNestMicroservice({ transport: Transport.TCP, options });
    await app.listen();
    onTestFinished(() => app.close());
    const queue = FakeQueue.in(app as never);
    const { port } = app.unwrap<{ address(): AddressInfo }>().address();
    const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
    onTestFinished(() => client.close());
    const send = (to: string) => firstValueFrom(client.send<string>('send', to));
    expect(await send('ada')).toBe('ada');
    expect(queue.stored.splice(0)).toEqual([onSuccess]);
    await expect(send('nobody')).rejects.toMatchObject({ status: 'error' });
    expect(queue.stored.splice(0)).toEqual([onFailure]);
    const hanging = queue.hang();
    const sent = send('in flight');
    const refused = expect(sent).rejects.toMatchObject({ status: 'error' });
    await expect.poll(() => queue.calls).toBe(3);
    hanging.refuse();
    await refused;
    expect(queue.names).toEqual([]);
  });
});
