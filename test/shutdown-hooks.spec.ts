import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { NestFactory } from '@nestjs/core';
import { Module, type INestApplication } from '@nestjs/common';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { BackgroundTasksModule } from 'nestjs-background-tasks';
import { warned } from '../lib/module/shutdown-hooks.ts';
import { noShutdownHooks } from '../lib/module/module.messages.ts';
import { RecordingLogger } from './fixtures/recording-logger.ts';

/** What waits for real time, and for how long: the package takes its timers when it loads. */
const { waiting } = vi.hoisted(() => ({ waiting: [] as [() => void, number][] }));
vi.mock('../lib/util/timers.ts', async (load) => ({
  ...(await load<object>()),
  setTimeout: (fn: () => void, ms: number) => {
    waiting.push([fn, ms]);
    return { unref() {} };
  },
}));

/** Calls what waits for a second, as the check does. */
const wait = () => waiting.splice(0).forEach(([fn, ms]) => ms === 1_000 && fn());

const ofTests = { NODE_ENV: 'test', VITEST: 'true', JEST_WORKER_ID: '1', NODE_TEST_CONTEXT: 'child-v8' };
const signals = ['SIGTERM', 'SIGINT'] as const;
let listeners: NodeJS.SignalsListener[][];

// As in production: nothing says that this is a test, and nothing listens to signals.
beforeEach(() => {
  Object.keys(ofTests).forEach((name) => vi.stubEnv(name, undefined));
  vi.stubEnv('pm_id', undefined);
  listeners = signals.map((signal) => process.listeners(signal));
  signals.forEach((signal) => process.removeAllListeners(signal));
  waiting.length = 0;
  warned.isDone = false;
});

afterEach(() => {
  vi.unstubAllEnvs();
  signals.forEach((signal, i) => {
    process.removeAllListeners(signal);
    listeners[i]!.forEach((it) => process.on(signal, it));
  });
});

@Module({ imports: [BackgroundTasksModule.forRoot()] })
class AppModule {}

interface Given {
  adapter?: AbstractHttpAdapter;
  before?(app: INestApplication): void;
  after?(app: INestApplication): void;
}

/** Starts a server. Returns how often it warned, long after. */
async function warnings({ adapter = new ExpressAdapter(), before, after }: Given): Promise<number> {
  const logger = new RecordingLogger();
  const app = await NestFactory.create(AppModule, adapter, { logger });
  onTestFinished(() => app.close());
  before?.(app);
  await app.listen(0, '127.0.0.1');
  after?.(app);
  wait();
  return logger.said('warn').filter(({ message }) => message === noShutdownHooks()).length;
}

test.each([
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
])('%s: a server that nothing closes at a signal warns once', async (_name, adapter) => {
  expect(await warnings({ adapter: adapter() })).toBe(1);
});

test('two servers in one process warn once', async () => {
  expect((await warnings({})) + (await warnings({}))).toBe(1);
});

test.each<[string, Given]>([
  ['with shutdown hooks', { before: (app) => app.enableShutdownHooks() }],
  ['with shutdown hooks that are enabled after listen()', { after: (app) => app.enableShutdownHooks() }],
  ['that handles SIGTERM itself', { before: (app) => process.on('SIGTERM', () => void app.close()) }],
  ['that handles SIGTERM itself, later', { after: (app) => process.on('SIGTERM', () => void app.close()) }],
])('a server %s does not warn', async (_how, given) => {
  expect(await warnings(given)).toBe(0);
});

test('shutdown hooks for SIGINT alone are enough for PM2 and for nothing else', async () => {
  const before = (app: INestApplication) => app.enableShutdownHooks(['SIGINT']);
  expect(await warnings({ before })).toBe(1);
  vi.stubEnv('pm_id', '0');
  expect(await warnings({ before })).toBe(0);
});

test.each(Object.entries(ofTests))('a test does not warn: %s=%s', async (name, value) => {
  vi.stubEnv(name, value);
  expect(await warnings({})).toBe(0);
});

test('an application that never listens does not warn, nor one that has closed', async () => {
  const logger = new RecordingLogger();
  const app = await NestFactory.create(AppModule, { logger });
  await app.init();
  const context = await NestFactory.createApplicationContext(AppModule, { logger });
  wait();
  await app.close();
  await context.close();
  const closed = await NestFactory.create(AppModule, { logger });
  await closed.listen(0, '127.0.0.1');
  await closed.close();
  wait();
  expect(logger.said('warn')).toEqual([]);
});
