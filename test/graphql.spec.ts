import { ApolloDriver } from '@nestjs/apollo';
import { Injectable, Scope, UseGuards, type CanActivate } from '@nestjs/common';
import { Args, GraphQLModule, Mutation, Query, Resolver } from '@nestjs/graphql';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { AddressInfo } from 'node:net';
import { Test } from '@nestjs/testing';
import { expect, onTestFinished, test } from 'vitest';
import { BackgroundTasks, BackgroundTasksModule, TaskRunner, Tasks } from 'nestjs-background-tasks';
import { RecordingLogger } from './fixtures/recording-logger.ts';

let order: string[] = [];

@Injectable()
class CountingGuard implements CanActivate {
  constructor(private readonly tasks: BackgroundTasks) {}

  canActivate() {
    this.tasks.addTask(() => order.push('guard'));
    return true;
  }
}

@Resolver()
class OrderResolver {
  @Query(() => String)
  hello() {
    return 'hello';
  }

  @UseGuards(CountingGuard)
  @Mutation(() => String)
  async work(@Args('name') name: string, @Tasks() tasks: BackgroundTasks) {
    for (const runOn of ['success', 'failure', 'always'] as const) {
      tasks.with({ runOn }).addTask(() => order.push(`${name} ${runOn}`));
    }
    await new Promise(setImmediate);
    order.push(`${name} resolver`);
    if (name === 'throw') {
      throw new Error('refused');
    }
    return name;
  }
}

async function start(platform: string, scope: Scope.REQUEST | Scope.DEFAULT) {
  order = [];
  const module = await Test.createTestingModule({
    imports: [
      GraphQLModule.forRoot({ driver: ApolloDriver, autoSchemaFile: true, introspection: false }),
      BackgroundTasksModule.forRoot({ scope, shutdownTimeout: 500 }),
    ],
    providers: [OrderResolver, CountingGuard],
  })
    .setLogger(new RecordingLogger())
    .compile();
  const app = module.createNestApplication(platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter());
  await app.listen(0, '127.0.0.1');
  onTestFinished(() => app.close());
  const { port } = app.getHttpServer().address() as AddressInfo;
  const ask = async (query: string) => {
    const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    });
    order.push(`response ${response.status}`);
    return (await response.json()) as { data: unknown; errors?: unknown[] };
  };
  return { ask, runner: app.get(TaskRunner) };
}

test.each([
  ['express', 'request', Scope.REQUEST],
  ['express', 'default', Scope.DEFAULT],
  ['fastify', 'request', Scope.REQUEST],
  ['fastify', 'default', Scope.DEFAULT],
] as const)(
  'GraphQL on %s, in scope %s: one collection for all resolvers, after the response',
  async (platform, _name, scope) => {
    const { ask, runner } = await start(platform, scope);
    const { data } = await ask('mutation { a: work(name: "a") b: work(name: "b") }');
    expect(data).toEqual({ a: 'a', b: 'b' });
    await runner.drain();
    expect(order.filter((entry) => !entry.startsWith('response'))).toEqual([
      'a resolver',
      'b resolver',
      'guard',
      'a success',
      'a always',
      'guard',
      'b success',
      'b always',
    ]);
    order = [];
    const failed = await ask('mutation { a: work(name: "throw") }');
    expect(failed.errors).toHaveLength(1);
    await runner.drain();
    expect(order.filter((entry) => !entry.startsWith('response'))).toEqual([
      'throw resolver',
      'throw failure',
      'throw always',
    ]);
  },
);
