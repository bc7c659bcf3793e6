import { AsyncLocalStorage } from 'node:async_hooks';
import { ConsoleLogger, Controller, Get, type LoggerService, Post } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { LoggerModule, Logger as PinoLogger } from 'nestjs-pino';
import type { DynamicModule } from '@nestjs/common';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { BackgroundTasks, BackgroundTasksModule, TaskRunner, Tasks, type TaskEvent } from 'nestjs-background-tasks';

class PaymentError extends Error {
  override readonly name = 'PaymentError';
}

function charge(): never {
  throw new PaymentError('declined', { cause: new Error('postgres://me:hush@db/payments refused') });
}

const trace = new AsyncLocalStorage<string>();

@Controller('orders')
class OrdersController {
  @Post()
  create(@Tasks() tasks: BackgroundTasks) {
    const add = () => ({ taskId: tasks.with({ attempts: 2 }).addTask(charge).id });
    return trace.run('4bf92f3577b34da6', add);
  }

  @Get()
  fine(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(() => 'fine');
  }
}

afterEach(() => vi.restoreAllMocks());

async function start(logger?: LoggerService, imports: DynamicModule[] = []) {
  const module = await Test.createTestingModule({
    imports: [BackgroundTasksModule.forRoot(), ...imports],
    controllers: [OrdersController],
  }).compile();
  const app = module.createNestApplication({ bufferLogs: true });
  app.useLogger(logger ?? app.get(PinoLogger));
  await app.listen(0, '127.0.0.1');
  onTestFinished(() => app.close());
  const { port } = app.getHttpServer().address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, runner: app.get(TaskRunner) };
}

/** What Nest's logger writes. */
function captured(): string[] {
  const written: string[] = [];
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  }
  return written;
}

async function failOnce(url: string, runner: TaskRunner): Promise<string> {
  const response = await fetch(`${url}/orders?token=1`, { method: 'POST' });
  const { taskId } = (await response.json()) as { taskId: string };
  await runner.drain();
  return taskId;
}

const failure = (id: string) => ({
  msg: `Task "charge" (${id}) of POST /orders failed`,
  task: { id, name: 'charge', attempt: 2, duration: expect.any(Number), route: 'POST /orders' },
  error: {
    name: 'PaymentError',
    message: 'declined',
    cause: { name: 'Error', message: expect.not.stringContaining('hush') },
    stack: expect.stringMatching(/^PaymentError: declined\n {4}at charge .*\nCaused by: Error: postgres/s),
  },
});

describe("with Nest's logger", () => {
  test('JSON has one object for a failure', async () => {
    const written = captured();
    const { url, runner } = await start(new ConsoleLogger({ json: true, logLevels: ['warn', 'error'] }));
    const id = await failOnce(url, runner);
    expect(written).toHaveLength(1);
    expect(JSON.parse(written[0]!)).toEqual({
      level: 'error',
      pid: process.pid,
      timestamp: expect.any(Number),
      context: 'BackgroundTasks',
      message: failure(id),
    });
    expect(written[0]).not.toContain('hush');
    expect(written[0]!.match(/POST \/orders failed/g)).toHaveLength(1);
  });

  test('JSON has an object for an attempt after which another follows', async () => {
    const written = captured();
    const { url, runner } = await start(new ConsoleLogger({ json: true, logLevels: ['debug'] }));
    const id = await failOnce(url, runner);
    const lines = written.map((line) => JSON.parse(line) as { context: string; message: object });
    const { message } = lines.find(({ context }) => context === 'BackgroundTasks')!;
    expect(message).toMatchObject({
      msg: `Attempt 1 of task "charge" (${id}) of POST /orders failed; the next attempt starts in 0 ms`,
      task: { id, attempt: 1 },
      error: { message: 'declined' },
    });
  });

  test.each([
    ['without colors', false, ''],
    ['in red', true, '\x1b[31m'],
  ])('text is text, %s', async (_how, colors, color) => {
    const written = captured();
    const { url, runner } = await start(new ConsoleLogger({ colors, logLevels: ['warn', 'error'] }));
    const id = await failOnce(url, runner);
    const text = written.join('');
    expect(text).toContain(`${color}Task "charge" (${id}) of POST /orders failed`);
    expect(text).toMatch(/PaymentError: declined\n {4}at charge /);
    expect(text).not.toContain('Object(');
  });

  test('nothing is written of what went well', async () => {
    const written = captured();
    const { url, runner } = await start(
      new ConsoleLogger({ json: true, logLevels: ['log', 'debug', 'verbose', 'warn'] }),
    );
    const before = written.length;
    await fetch(`${url}/orders`);
    await runner.drain();
    expect(written.slice(before)).toEqual([]);
  });
});

test('a line is of bounded length, and says nothing secret, whatever was thrown', async () => {
  const written = captured();
  const { runner } = await start(new ConsoleLogger({ json: true, logLevels: ['error'] }));
  const long = new Error(`${'x'.repeat(49_990)} postgres://user:hush@host ${'y'.repeat(5_000_000)}`);
  const circular: Error = new Error('circular');
  circular.cause = circular;
  const get = () => {
    throw new Error('not readable');
  };
  const throwing = Object.defineProperties(new Error('throwing'), { stack: { get }, message: { get } });
  for (const thrown of [long, circular, throwing]) {
    await runner
      .with({ name: 'hostile' })
      .start(() => Promise.reject(thrown))
      .settled();
  }
  expect(written).toHaveLength(3);
  for (const line of written) {
    expect(line.length).toBeLessThan(150_000);
    expect(line).not.toContain('hush');
    expect(JSON.parse(line)).toMatchObject({ message: { task: { name: 'hostile' }, error: { name: 'Error' } } });
  }
  expect(written[0]).toContain('more characters');
});

test('a logger that makes text of what it is given has the stack too', async () => {
  const said: string[] = [];
  const { url, runner } = await start({ log() {}, warn() {}, error: (message: unknown) => said.push(String(message)) });
  const id = await failOnce(url, runner);
  expect(said).toHaveLength(1);
  expect(said[0]).toMatch(
    new RegExp(`^Task "charge" \\(${id}\\) of POST /orders failed\nPaymentError: declined\n    at `),
  );
});

test('three lines write what went well', async () => {
  const written: unknown[] = [];
  const logger = { log: (message: unknown) => written.push(message), warn() {}, error() {} };
  const { runner } = await start(logger);
  written.length = 0;
  runner.events.subscribe((event: TaskEvent) => {
    if (event.type === 'completed') logger.log({ msg: 'Task completed', task: event.task, run: event.run });
  });
  const task = runner.with({ name: 'report' }).start(() => undefined);
  await runner.drain();
  expect(written).toMatchObject([
    { msg: 'Task completed', task: { id: task.id, name: 'report', status: 'completed' }, run: expect.any(Number) },
  ]);
});

test('nestjs-pino has the fields, the id of the request and that of the trace', async () => {
  const lines: string[] = [];
  const { url, runner } = await start(undefined, [
    LoggerModule.forRoot({
      pinoHttp: {
        level: 'warn',
        genReqId: () => 'request-7',
        mixin: () => ({ traceId: trace.getStore() }),
        stream: { write: (line: string) => lines.push(line) },
      },
    }),
  ]);
  const id = await failOnce(url, runner);
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0]!)).toMatchObject({
    ...failure(id),
    level: 50,
    context: 'BackgroundTasks',
    traceId: '4bf92f3577b34da6',
    req: { id: 'request-7', method: 'POST' },
  });
});
