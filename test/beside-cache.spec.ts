import { CacheInterceptor, CacheModule } from '@nestjs/cache-manager';
import {
  Controller,
  Get,
  HttpException,
  Injectable,
  UseGuards,
  UseInterceptors,
  type CanActivate,
  type ModuleMetadata,
} from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { beforeEach, expect, test } from 'vitest';
import { BackgroundTasks, Tasks, type TaskRecord } from 'nestjs-background-tasks';
import { startApp } from './fixtures/start-app.ts';

let calls: number;
let ran: string[];

beforeEach(() => {
  calls = 0;
  ran = [];
});

@Injectable()
class AddingGuard implements CanActivate {
  constructor(private readonly tasks: BackgroundTasks) {}

  canActivate(): boolean {
    this.tasks.addTask(() => ran.push('guard'));
    return true;
  }
}

@Controller()
@UseGuards(AddingGuard)
class ReportsController {
  @Get()
  get(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(() => ran.push('handler'));
    return { calls: ++calls };
  }

  @Get('task')
  task(@Tasks() tasks: BackgroundTasks) {
    return tasks.with({ name: 'report' }).addTask(() => ran.push('handler'));
  }

  @Get('failing')
  failing(@Tasks() tasks: BackgroundTasks) {
    tasks.with({ runOn: 'failure' }).addTask(() => ran.push('handler'));
    throw new HttpException(`call ${++calls}`, 418);
  }
}

@Controller()
@UseInterceptors(CacheInterceptor)
class CachedController extends ReportsController {}

const caching = { provide: APP_INTERCEPTOR, useClass: CacheInterceptor };
const cache = CacheModule.register({ isGlobal: true, ttl: 60_000 });

// Interceptors of the root module run outside of this package's interceptor. Those of a module that is imported after
// BackgroundTasksModule run inside of it.
const places: [string, ModuleMetadata][] = [
  ['globally, outside of ours', { imports: [cache], controllers: [ReportsController], providers: [caching] }],
  [
    'globally, inside of ours',
    { imports: [cache, { module: class Caching {}, providers: [caching] }], controllers: [ReportsController] },
  ],
  ['on a controller', { imports: [cache], controllers: [CachedController] }],
];

test.each(places)('registered %s: a cached response adds no tasks, and a guard’s run', async (_place, metadata) => {
  const { app, url, runner, log } = await startApp(metadata);
  for (const [hitOrMiss, expected] of [
    ['MISS', ['guard', 'handler']],
    ['HIT', ['guard']],
    ['HIT', ['guard']],
  ] as const) {
    ran = [];
    const response = await fetch(url);
    expect(response.headers.get('X-Cache')).toBe(hitOrMiss);
    expect(await response.json()).toEqual({ calls: 1 });
    await runner.drain();
    expect(ran).toEqual(expected);
  }
  expect(calls).toBe(1);
  await app.close();
  expect(log.said('warn')).toEqual([]);
});

test.each(places)(
  'registered %s: a task that a handler returned is answered from the cache',
  async (_place, metadata) => {
    const { url, runner } = await startApp(metadata);
    const answers: TaskRecord[] = [];
    for (const _ of [1, 2]) {
      answers.push((await (await fetch(`${url}/task`)).json()) as TaskRecord);
      await runner.drain();
    }
    const [first, second] = answers;
    expect(first).toMatchObject({ name: 'report', status: 'pending' });
    expect(second!.id).toBe(first!.id);
    expect(ran).toEqual(['guard', 'handler', 'guard']);
  },
);

test.each(places)(
  'registered %s: an error is not cached, and the handler’s task runs each time',
  async (_place, metadata) => {
    const { url, runner } = await startApp(metadata);
    for (const call of [1, 2]) {
      const response = await fetch(`${url}/failing`);
      expect(response.status).toBe(418);
      expect(await response.json()).toMatchObject({ message: `call ${call}` });
    }
    await runner.drain();
    expect(ran).toEqual(['handler', 'handler']);
  },
);
