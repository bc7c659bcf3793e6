import {
  Controller,
  Get,
  Injectable,
  Scope,
  UseGuards,
  type CanActivate,
  type MiddlewareConsumer,
  type NestMiddleware,
  type NestModule,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import { beforeEach, expect, test } from 'vitest';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';
import { scope } from './fixtures/place.ts';
import { startApp } from './fixtures/start-app.ts';

let ran: string[];

beforeEach(() => {
  ran = [];
});

function addAll(tasks: BackgroundTasks, who: string): void {
  tasks.addTask(() => ran.push(`${who}, default`));
  tasks.with({ runOn: 'failure' }).addTask(() => ran.push(`${who}, failure`));
}

@Injectable({ scope })
class AddingGuard implements CanActivate {
  constructor(private readonly tasks: BackgroundTasks) {}

  canActivate(): boolean {
    addAll(this.tasks, 'guard');
    return true;
  }
}

@Injectable()
class AddingMiddleware implements NestMiddleware {
  constructor(private readonly tasks: BackgroundTasks) {}

  use(_request: unknown, _response: unknown, next: () => void): void {
    addAll(this.tasks, 'middleware');
    next();
  }
}

@Controller()
class ThrottledController {
  @Get('guarded')
  @UseGuards(AddingGuard, ThrottlerGuard)
  guarded(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks, 'handler');
  }

  @Get()
  get(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks, 'handler');
  }
}

const throttle = (limit: number) => ThrottlerModule.forRoot([{ ttl: 60_000, limit }]);

test('a refused request runs only the tasks that ask for failures', async () => {
  const { url, runner } = await startApp({ imports: [throttle(1)], controllers: [ThrottledController] });
  expect((await fetch(`${url}/guarded`)).status).toBe(200);
  await runner.drain();
  expect(ran).toEqual(['guard, default', 'handler, default']);

  ran = [];
  const refused = await fetch(`${url}/guarded`);
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(1);
  await runner.drain();
  expect(ran).toEqual(['guard, failure']);
});

test('of many requests at once, only those that pass run tasks', async () => {
  const { url, runner } = await startApp({ imports: [throttle(3)], controllers: [ThrottledController] });
  const responses = await Promise.all(Array.from({ length: 10 }, () => fetch(`${url}/guarded`)));
  expect(responses.filter(({ status }) => status === 200)).toHaveLength(3);
  expect(responses.filter(({ status }) => status === 429)).toHaveLength(7);
  await runner.drain();
  const count = (who: string) => ran.filter((it) => it === who).length;
  expect(count('guard, default')).toBe(3);
  expect(count('handler, default')).toBe(3);
  expect(count('guard, failure')).toBe(7);
  expect(ran).toHaveLength(13);
});

test('a global throttler comes after middleware, and before a global guard that is request-scoped', async () => {
  class Layers implements NestModule {
    configure(consumer: MiddlewareConsumer) {
      consumer.apply(AddingMiddleware).forRoutes(ThrottledController);
    }
  }
  const { url, runner } = await startApp({
    imports: [throttle(1), { module: Layers }],
    controllers: [ThrottledController],
    providers: [
      { provide: APP_GUARD, useClass: AddingGuard },
      { provide: APP_GUARD, useClass: ThrottlerGuard },
    ],
  });
  await fetch(url);
  await runner.drain();
  expect(ran).toEqual(['middleware, default', 'guard, default', 'handler, default']);

  ran = [];
  expect((await fetch(url)).status).toBe(429);
  await runner.drain();
  // Nest calls all global guards that are singletons first, in any order of registration.
  const ofGuard = scope === Scope.DEFAULT ? ['guard, failure'] : [];
  expect(ran).toEqual(['middleware, failure', ...ofGuard]);
});
