import { ApolloDriver } from '@nestjs/apollo';
import { Controller, Injectable, Scope } from '@nestjs/common';
import { Args, GraphQLModule, Mutation, Query, Resolver } from '@nestjs/graphql';
import { ClientProxyFactory, MessagePattern, Payload, Transport } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import type { AddressInfo } from 'node:net';
import { firstValueFrom } from 'rxjs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { BackgroundTasks, BackgroundTasksModule, Task, Tasks } from 'nestjs-background-tasks';
import { BullMqQueues, BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { RecordingLogger } from '../fixtures/recording-logger.ts';

@Injectable()
class Mailer {
  @Task({ queue: 'mail' })
  send(_to: string) {}
}

@Controller()
class MailController {
  constructor(private readonly mailer: Mailer) {}

  @MessagePattern('send')
  send(@Payload() to: string, @Tasks() tasks: BackgroundTasks) {
    tasks.addTask(this.mailer, 'send', to);
    if (to === 'nobody') {
      throw new Error('refused');
    }
    return to;
  }
}

@Resolver()
class MailResolver {
  constructor(private readonly mailer: Mailer) {}

  @Query(() => String)
  hello() {
    return 'hello';
  }

  @Mutation(() => String)
  send(@Args('to') to: string, @Tasks() tasks: BackgroundTasks) {
    tasks.addTask(this.mailer, 'send', to);
    if (to === 'nobody') {
      throw new Error('refused');
    }
    return to;
  }
}

const compile = (connection: string, scope: Scope, metadata: object, imports: NonNullable<unknown>[] = []) =>
  Test.createTestingModule({
    ...metadata,
    imports: [
      BackgroundTasksModule.forRoot({ scope, shutdownTimeout: 500 }),
      BullMqTasksModule.forRoot({ connection, prefix: ownPrefix(), worker: false }),
      ...(imports as []),
    ],
  })
    .setLogger(new RecordingLogger())
    .compile();

const waiting = async (app: { get(type: typeof BullMqQueues): BullMqQueues }) =>
  (await app.get(BullMqQueues).get('mail').getJobCounts('waiting'))['waiting'];

stopStores();

describe.each(stores.slice(0, 1))('on $name', ({ connection }) => {
  describe.each([
    ['request', Scope.REQUEST],
    ['default', Scope.DEFAULT],
  ] as const)('in scope %s', (_name, scope) => {
    test('a message is answered when its tasks are enqueued, and a failed message enqueues none', async () => {
      const module = await compile(connection, scope, { controllers: [MailController], providers: [Mailer] });
      const options = { host: '127.0.0.1', port: 0 };
      const app = module.createNestMicroservice({ transport: Transport.TCP, options });
      await app.listen();
      onTestFinished(() => app.close());
      const { port } = app.unwrap<{ address(): AddressInfo }>().address();
      const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
      onTestFinished(() => client.close());
      expect(await firstValueFrom(client.send('send', 'ada'))).toBe('ada');
      expect(await waiting(app)).toBe(1);
      await expect(firstValueFrom(client.send('send', 'nobody'))).rejects.toMatchObject({ status: 'error' });
      expect(await waiting(app)).toBe(1);
    });

    test('a mutation of GraphQL is answered when its tasks are enqueued', async () => {
      const graphql = GraphQLModule.forRoot({ driver: ApolloDriver, autoSchemaFile: true, introspection: false });
      const module = await compile(connection, scope, { providers: [Mailer, MailResolver] }, [graphql]);
      const app = module.createNestApplication();
      await app.listen(0, '127.0.0.1');
      onTestFinished(() => app.close());
      const { port } = app.getHttpServer().address() as AddressInfo;
      const send = async (to: string) => {
        const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ query: `mutation { send(to: "${to}") }` }),
        });
        return (await response.json()) as { data: unknown; errors?: unknown[] };
      };
      expect(await send('ada')).toEqual({ data: { send: 'ada' } });
      expect(await waiting(app)).toBe(1);
      expect((await send('nobody')).errors).toHaveLength(1);
      expect(await waiting(app)).toBe(1);
    });
  });
});
