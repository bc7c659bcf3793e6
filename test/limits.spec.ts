import { Injectable } from '@nestjs/common';
import { describe, expect, test } from 'vitest';
import { BackgroundTasksModule, defineTask, InvalidOptionError, Task, type TaskOptions } from 'nestjs-background-tasks';
import { resolveBullMqOptions } from '../lib/bullmq/bullmq-tasks.options.ts';
import { longerThanTimer } from '../lib/task/task.messages.ts';
import { MAX_DELAY, MAX_TIMER } from '../lib/validation/option-rules.ts';
import { FakeQueue } from './fixtures/fake-queue.ts';
import { startApp } from './fixtures/start-app.ts';

const connection = 'redis://localhost';

/** Each option whose value ends in a timer, and the largest value that it takes. */
const limits: [name: string, max: number, set: (value: number) => unknown][] = [
  ['shutdownTimeout', MAX_TIMER, (shutdownTimeout) => BackgroundTasksModule.forRoot({ shutdownTimeout })],
  ['pool.idleTimeout', MAX_TIMER, (idleTimeout) => BackgroundTasksModule.forRoot({ pool: { idleTimeout } })],
  ['defaults.timeout', MAX_TIMER, (timeout) => BackgroundTasksModule.forRoot({ defaults: { timeout } })],
  ['defaults.delay', MAX_DELAY, (delay) => BackgroundTasksModule.forRoot({ defaults: { delay } })],
  ['timeout', MAX_TIMER, (timeout) => defineTask(function timed() {}, { timeout })],
  ['delay', MAX_TIMER, (delay) => defineTask(function timed() {}, { delay })],
  ['backoff.delay', MAX_TIMER, (delay) => defineTask(function timed() {}, { backoff: { type: 'fixed', delay } })],
  ['delay in a queue', MAX_DELAY, (delay) => Task({ queue: 'far', delay })],
  ['backoff in a queue', MAX_DELAY, (delay) => Task({ queue: 'far', backoff: { type: 'exponential', delay } })],
  ['repeat.every', MAX_DELAY, (every) => Task({ queue: 'far', repeat: { every } })],
  ['enqueueTimeout', MAX_TIMER, (enqueueTimeout) => resolveBullMqOptions({ connection, enqueueTimeout })],
  ['lockDuration', MAX_TIMER, (lockDuration) => resolveBullMqOptions({ connection, worker: { lockDuration } })],
  [
    'stalledInterval',
    MAX_TIMER,
    (stalledInterval) => resolveBullMqOptions({ connection, worker: { stalledInterval } }),
  ],
  [
    'limiter.duration',
    MAX_TIMER,
    (duration) => resolveBullMqOptions({ connection, worker: { limiter: { max: 1, duration } } }),
  ],
];

test.each(limits)('%s takes at most %i, and its error names that', (name, max, set) => {
  set(max);
  for (const value of [max + 1, 2 * max, Number.MAX_VALUE, Infinity]) {
    if (name !== 'pool.idleTimeout' || value !== Infinity) {
      expect(() => set(value)).toThrow(InvalidOptionError);
      expect(() => set(value)).toThrow(String(max));
    }
  }
  for (const value of [NaN, -1, -Infinity]) {
    expect(() => set(value)).toThrow(InvalidOptionError);
  }
});

@Injectable()
class Work {
  run() {}
}

describe('a task without a queue, with a time that only a queue can wait for,', () => {
  const long = MAX_TIMER + 1;
  const given: [TaskOptions, string][] = [
    [{ delay: long }, 'delay'],
    [{ attempts: 2, backoff: { type: 'fixed', delay: long } }, 'backoff.delay'],
  ];

  test.each(given)('is refused by start: %o', async (options, option) => {
    const { app, runner } = await startApp({ providers: [Work] });
    const error = new InvalidOptionError(longerThanTimer('Work.run', option, long));
    expect(() => runner.with(options).start(app.get(Work), 'run')).toThrow(error);
    expect(error.message).toMatch(/at most 2147483647 ms \(24\.8 days\).*got 2147483648.*queue/);
    expect(runner.stats()).toMatchObject({ pending: 0 });
  });

  test.each(given)('is refused with the defaults %o', async (defaults, option) => {
    const { app, runner } = await startApp({ providers: [Work] }, { defaults });
    expect(() => runner.start(app.get(Work), 'run')).toThrow(longerThanTimer('Work.run', option, long));
  });

  test('is refused in a decorator, by its name', () => {
    expect(() => {
      class Late {
        @Task({ delay: long })
        run() {}
      }
      return Late;
    }).toThrow(longerThanTimer('Late.run', 'delay', long));
  });
});

test('a durable task that this process runs because its queue is down waits for its delay', async () => {
  const { app, runner } = await startApp({});
  FakeQueue.in(app, 'run-here').refuse();
  const later = defineTask(function later() {}, { queue: 'far', delay: 2 * MAX_TIMER });
  const task = runner.start(later);
  await expect.poll(() => runner.stats().delayed).toBe(1);
  // A timer that is too long ends after 1 ms.
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(task.status).toBe('pending');
  expect(runner.stats().delayed).toBe(1);
  task.cancel();
});
