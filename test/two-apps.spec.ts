import { Controller, Get } from '@nestjs/common';
import { expect, test } from 'vitest';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';
import { platform } from './fixtures/place.ts';
import { startApp } from './fixtures/start-app.ts';

@Controller()
class CountingController {
  constructor(private readonly tasks: BackgroundTasks) {}

  @Get()
  get(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(async () => undefined);
    this.tasks.addTask(() => Promise.reject(new Error('boom')));
    this.tasks.addTask(() => undefined);
    return 'answered';
  }
}

test('two applications in one process don’t see each other', async () => {
  const a = await startApp({ controllers: [CountingController] });
  const b = await startApp({ controllers: [CountingController] }, { onFailure: 'continue' });
  const events: Record<'a' | 'b', string[]> = { a: [], b: [] };
  a.runner.events.subscribe(({ type }) => events.a.push(type));
  b.runner.events.subscribe(({ type }) => events.b.push(type));
  await fetch(a.url);
  await a.runner.drain();
  expect(events).toEqual({
    a: ['added', 'added', 'added', 'started', 'completed', 'started', 'failed', 'skipped'],
    b: [],
  });
  await fetch(b.url);
  await b.runner.drain();
  expect(events.a).toHaveLength(8);
  expect(events.b.slice(-2)).toEqual(['started', 'completed']);
});

// Only Express mounts one application in another.
test.runIf(platform === 'express')('a request that passes through both has a collection in each', async () => {
  const inner = await startApp({ controllers: [CountingController] });
  const outer = await startApp({ controllers: [CountingController] }, {}, (app) => {
    app.use('/inner', (...args: unknown[]) => inner.app.getHttpAdapter().getInstance()(...args));
    app.use((_request: unknown, _response: unknown, next: () => void) => next());
  });
  let outerEvents = 0;
  outer.runner.events.subscribe(() => outerEvents++);
  const events: string[] = [];
  inner.runner.events.subscribe(({ type }) => events.push(type));
  expect(await (await fetch(`${outer.url}/inner`)).text()).toBe('answered');
  await inner.runner.drain();
  expect(events).toContain('completed');
  expect(outerEvents).toBe(0);
});
