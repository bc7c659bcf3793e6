import { tracingChannel } from 'node:diagnostics_channel';
import { readFile } from 'node:fs/promises';
import { diag, metrics, ProxyTracerProvider, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { type INestApplication, Controller, Post, type Type } from '@nestjs/common';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { BullMQOtel } from 'bullmq-otel';
import { afterAll, afterEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  type BackgroundTask,
  type BackgroundTasks,
  currentTask,
  defineTask,
  type TaskRecord,
  TaskRegistry,
  Tasks,
} from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import {
  BackgroundTasksInstrumentation,
  type BackgroundTasksInstrumentationConfig,
} from 'nestjs-background-tasks/otel';
import { TestTasksModule } from 'nestjs-background-tasks/testing';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';
import { msOf, Telemetry } from '../fixtures/telemetry.ts';
import { untilAborted } from '../fixtures/threads/math.task.ts';
import { render } from '../fixtures/threads/traced.task.ts';

const telemetry = new Telemetry();
const tracer = trace.getTracer('test');

afterEach(() => telemetry.reset());
afterAll(() => telemetry.stop());
stopStores();

function instrument(config?: BackgroundTasksInstrumentationConfig): BackgroundTasksInstrumentation {
  const instrumentation = new BackgroundTasksInstrumentation(config);
  onTestFinished(() => instrumentation.disable());
  return instrumentation;
}

async function notify() {
  tracer.startSpan('SELECT').end();
  await new Promise(setImmediate);
  tracer.startSpan('SELECT').end();
}

const charge = defineTask(
  function charge(_card: string) {
    if (currentTask()!.attempt === 1) {
      throw new Error('declined by postgres://user:secret@host/db');
    }
  },
  { queue: 'payments', attempts: 2, backoff: { type: 'fixed', delay: 50 } },
);

@Controller('orders')
class OrdersController {
  @Post(':id')
  order(@Tasks() tasks: BackgroundTasks) {
    return [tasks.addTask(notify), tasks.addTask(render), tasks.addTask(charge, '4242 4242')];
  }
}

/** As an instrumentation of HTTP does. */
function traceRequests(app: INestApplication): void {
  app.use((_request: object, response: NodeJS.EventEmitter, next: () => void) =>
    tracer.startActiveSpan('POST /orders/:id', { kind: SpanKind.SERVER }, (span) => {
      response.once('finish', () => span.end());
      next();
    }),
  );
}

async function order(module: object): Promise<TaskRecord[]> {
  const { app, url } = await startApp(
    { imports: [module as Type], controllers: [OrdersController] },
    {},
    traceRequests,
  );
  const answer = await fetch(`${url}/orders/17`, { method: 'POST' });
  const added = (await answer.json()) as TaskRecord[];
  const registry = app.get(TaskRegistry);
  const settled: TaskRecord[] = [];
  for (const { id } of added) {
    await expect.poll(() => registry.get(id), { timeout: 20_000 }).toMatchObject({ status: 'completed' });
    settled.push((await registry.get(id))!);
  }
  return settled;
}

const queues: [name: string, module: () => object][] = [
  ['memory', () => TestTasksModule.forRoot()],
  ...stores.map(({ name, connection }): [string, () => object] => [
    name,
    () => BullMqTasksModule.forRoot({ connection, prefix: ownPrefix() }),
  ]),
];

describe.each(queues)('on %s', (_name, module) => {
  test('one request with a task of each kind: relations, status, attempts and times', async () => {
    instrument();
    const [, rendered, charged] = await order(module());
    await expect.poll(() => telemetry.spansOf('process payments')).toHaveLength(2);
    expect(telemetry.print()).toBe(
      [
        'POST /orders/:id (SERVER)',
        '  add payments (PRODUCER)',
        '  task notify (INTERNAL, attempt 1)',
        '    SELECT (INTERNAL)',
        '    SELECT (INTERNAL)',
        '  task render (INTERNAL, attempt 1)',
        'process payments (CONSUMER, attempt 1, linked to "add payments", ERROR Error: declined by postgres://***@host/db)',
        'process payments (CONSUMER, attempt 2, linked to "add payments")',
      ].join('\n'),
    );
    const [request] = telemetry.spansOf('POST /orders/:id');
    const [ofRender] = telemetry.spansOf('task render');
    const { traceId } = request!.spanContext();
    expect(rendered!.result).toMatchObject({ traceId, spanId: ofRender!.spanContext().spanId });
    const [first, second] = telemetry.spansOf('process payments');
    expect(first!.attributes).toEqual({
      'background_tasks.task.id': charged!.id,
      'background_tasks.task.name': 'charge',
      'background_tasks.task.attempt': 1,
      'background_tasks.task.target': 'queue',
      'messaging.system': 'nestjs-background-tasks',
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': 'payments',
      'messaging.message.id': charged!.id,
      'error.type': 'Error',
    });
    expect(first!.events).toMatchObject([{ name: 'exception', attributes: { 'exception.type': 'Error' } }]);
    expect(second!.status.code).toBe(SpanStatusCode.UNSET);
    const [added] = telemetry.spansOf('add payments');
    expect(added!.attributes).toMatchObject({
      'messaging.message.id': charged!.id,
      'messaging.operation.type': 'send',
    });
    expect(msOf(added!.startTime)).toBeLessThanOrEqual(msOf(first!.startTime));
    expect(msOf(second!.startTime)).toBeGreaterThanOrEqual(msOf(first!.endTime));
    const all = JSON.stringify(telemetry.spans.map(({ attributes, events, status }) => [attributes, events, status]));
    expect(all).not.toContain('4242');
    expect(all).not.toContain('secret');
  });
});

test('relations can be changed: durable tasks as children, tasks of the process as links', async () => {
  const instrumentation = instrument({ relation: 'child' });
  await order(TestTasksModule.forRoot());
  await expect.poll(() => telemetry.spansOf('process payments')).toHaveLength(2);
  const [added] = telemetry.spansOf('add payments');
  for (const span of telemetry.spansOf('process payments')) {
    expect(span.parentSpanContext?.spanId).toBe(added!.spanContext().spanId);
  }
  telemetry.reset();
  instrumentation.setConfig({ relation: 'link' });
  await order(TestTasksModule.forRoot());
  const [request] = telemetry.spansOf('POST /orders/:id');
  const [notified] = telemetry.spansOf('task notify');
  expect(notified!.parentSpanContext).toBeUndefined();
  expect(notified!.links[0]!.context.spanId).toBe(request!.spanContext().spanId);
});

test('an attempt that times out or is cancelled is an error', async () => {
  instrument();
  const { runner } = await startApp({});
  const forever = () => new Promise(() => undefined);
  await runner.with({ name: 'late', timeout: 5 }).start(forever).settled();
  const cancelled = runner.with({ name: 'cancelled' }).start(forever);
  await expect.poll(() => cancelled.status).toBe('running');
  cancelled.cancel();
  await cancelled.settled();
  const types = telemetry.spans.map(({ name, attributes, status }) => [name, attributes['error.type'], status.code]);
  expect(types).toEqual([
    ['task late', 'TaskTimeoutError', SpanStatusCode.ERROR],
    ['task cancelled', 'TaskCancelledError', SpanStatusCode.ERROR],
  ]);
});

test('a span ends, whatever was thrown', async () => {
  instrument();
  const { runner } = await startApp({});
  const throwing = Object.defineProperty(new Error('no'), 'message', {
    get: () => {
      throw new Error('no message');
    },
  });
  const nameless = Object.assign(new Error('no'), { name: 7, message: undefined });
  const hostile = new Proxy(new Error('no'), {
    get: () => {
      throw new Error('no property');
    },
    getPrototypeOf: () => {
      throw new Error('no prototype');
    },
  });
  for (const thrown of [throwing, nameless, hostile, undefined, null, Symbol('no'), { message: {} }]) {
    await runner
      .start(function throws() {
        throw thrown;
      })
      .settled();
  }
  expect(telemetry.spansOf('task throws').map(({ status }) => status.code)).toEqual(
    Array.from({ length: 7 }, () => SpanStatusCode.ERROR),
  );
});

test('a span that was begun ends, although the instrumentation was disabled or restarted', async () => {
  const instrumentation = instrument();
  const { runner } = await startApp({});
  const finish: (() => void)[] = [];
  const task = () => new Promise<void>((resolve) => finish.push(resolve));
  const tasks = [runner.with({ name: 'first' }).start(task)];
  await expect.poll(() => finish.length).toBe(1);
  instrumentation.setConfig({ relation: 'link' });
  tasks.push(runner.with({ name: 'second' }).start(task));
  await expect.poll(() => finish.length).toBe(2);
  instrumentation.disable();
  tasks.push(runner.with({ name: 'third' }).start(task));
  await expect.poll(() => finish.length).toBe(3);
  finish.forEach((resolve) => resolve());
  await Promise.all(tasks.map((it) => it.settled()));
  expect(telemetry.spans.map(({ name }) => name)).toEqual(['task first', 'task second']);
  expect(tracingChannel('nestjs-background-tasks.attempt').hasSubscribers).toBe(false);
});

test('an attempt that never began belongs to the span of its own request', async () => {
  instrument({ metrics: false });
  const { runner } = await startApp({}, { pool: { maxThreads: 1 } });
  const busy = runner.start(untilAborted);
  await expect.poll(() => busy.status).toBe('running');
  const tasks: BackgroundTask[] = [];
  const ids = ['first', 'second'].map((name) =>
    tracer.startActiveSpan(name, (span) => {
      tasks.push(runner.with({ name: `task of ${name}` }).start(render));
      span.end();
      return span.spanContext().spanId;
    }),
  );
  await new Promise(setImmediate);
  tracer.startActiveSpan('of another', () => [...tasks, busy].forEach((task) => task.cancel()));
  await runner.drain();
  const parents = ['first', 'second'].map(
    (name) => telemetry.spansOf(`task task of ${name}`)[0]?.parentSpanContext?.spanId,
  );
  expect(parents).toEqual(ids);
});

test('metrics of tasks and queues', async () => {
  instrument();
  const { runner, app } = await startApp({});
  await runner
    .with({ name: 'works' })
    .start(() => undefined)
    .settled();
  await runner
    .with({ name: 'fails' })
    .start(() => {
      throw new Error('no');
    })
    .settled();
  runner.with({ name: 'later', delay: 60_000 }).start(() => undefined);
  await expect.poll(() => runner.stats().delayed).toBe(1);
  const { TaskQueueHost } = await import('../../lib/durable/task-queue-host.ts');
  const stats = [
    { name: 'mail', pending: 3, delayed: 2, running: 1, completed: 0, failed: 4, oldestAge: 2_500, failedAge: 1_000 },
  ];
  app.get(TaskQueueHost, { strict: false }).replace({ stats: async () => stats } as never);
  const points = await telemetry.points();
  const of = (name: string, key: string, value: string) =>
    points[name]!.find(({ attributes }) => (attributes as Record<string, unknown>)[key] === value)?.value;
  const [name, state] = ['background_tasks.task.name', 'background_tasks.task.state'];
  expect(of('background_tasks.task.wait', name, 'works')).toMatchObject({ count: 1 });
  expect(of('background_tasks.task.duration', name, 'works')).toMatchObject({ count: 1 });
  for (const [task, status] of [
    ['works', 'completed'],
    ['fails', 'failed'],
  ]) {
    expect(points['background_tasks.tasks.settled']).toContainEqual({
      value: 1,
      attributes: {
        [name]: task,
        'background_tasks.task.target': 'event-loop',
        'background_tasks.task.status': status,
      },
    });
  }
  expect(of('background_tasks.tasks', state, 'delayed')).toBe(1);
  expect(of('background_tasks.queue.size', state, 'failed')).toBe(4);
  expect(points['background_tasks.queue.oldest_age']).toEqual([
    { value: 2.5, attributes: { 'background_tasks.queue.name': 'mail' } },
  ]);
  expect(points['background_tasks.queue.failed_age']).toMatchObject([{ value: 1 }]);
  app.get(TaskQueueHost, { strict: false }).replace({
    stats: () => new Promise(() => undefined),
    stopClaiming: () => undefined,
    close: async () => undefined,
  } as never);
  // A queue that doesn't answer costs its own metrics alone.
  expect((await telemetry.points())['background_tasks.tasks']).toBeDefined();
});

test('metrics of durable tasks', async () => {
  instrument();
  await order(TestTasksModule.forRoot());
  const points = await telemetry.points();
  const durable = { 'messaging.destination.name': 'payments', 'messaging.system': 'nestjs-background-tasks' };
  expect(points['messaging.client.sent.messages']).toMatchObject([{ value: expect.any(Number), attributes: durable }]);
  expect(points['messaging.process.duration']!.map(({ attributes }) => attributes)).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ ...durable, 'error.type': 'Error' }),
      { ...durable, 'messaging.operation.name': 'process' },
    ]),
  );
});

test('without metrics, and disabled, it makes none', async () => {
  const instrumentation = instrument({ metrics: false, enabled: false });
  const { runner } = await startApp({});
  await runner.start(notify).settled();
  expect(telemetry.spansOf('task notify')).toEqual([]);
  instrumentation.enable();
  instrumentation.enable();
  await runner.start(notify).settled();
  expect(telemetry.spansOf('task notify')).toHaveLength(1);
});

test('setConfig disables it, and never enables it', async () => {
  const instrumentation = instrument();
  const { runner } = await startApp({});
  instrumentation.setConfig({ enabled: false });
  await runner.start(notify).settled();
  expect(telemetry.spansOf('task notify')).toEqual([]);
  instrumentation.setConfig({ relation: 'link' });
  instrumentation.setMeterProvider(metrics.getMeterProvider());
  instrumentation.setTracerProvider(trace.getTracerProvider());
  await runner.start(notify).settled();
  expect(telemetry.spansOf('task notify')).toEqual([]);
  instrumentation.enable();
  await runner.start(notify).settled();
  expect(telemetry.spansOf('task notify')).toHaveLength(1);
});

test('of two in one process, only the latest makes spans and metrics, and a warning says so once', async () => {
  const warnings: string[] = [];
  const ignore = () => undefined;
  diag.setLogger({ verbose: ignore, debug: ignore, info: ignore, error: ignore, warn: (text) => warnings.push(text) });
  onTestFinished(() => diag.disable());
  const first = instrument({ relation: 'link' });
  const second = instrument();
  const { runner } = await startApp({});
  const relations = async () => {
    telemetry.reset();
    await tracer.startActiveSpan('request', async (span) => {
      await runner.start(notify).settled();
      span.end();
    });
    return telemetry.spansOf('task notify').map(({ links }) => (links.length > 0 ? 'link' : 'child'));
  };
  expect(await relations()).toEqual(['child']);
  // As an SDK does when it starts.
  first.setTracerProvider(trace.getTracerProvider());
  expect(await relations()).toEqual(['link']);
  second.disable();
  expect(await relations()).toEqual(['link']);
  first.disable();
  expect(await relations()).toEqual([]);
  expect(warnings).toEqual([expect.stringContaining('expected one enabled BackgroundTasksInstrumentation')]);
});

test('settled tasks are counted exactly, also those of very many names and those before it is disabled', async () => {
  const sum = async (prefix: string) =>
    ((await telemetry.points())['background_tasks.tasks.settled'] ?? [])
      .filter(({ attributes }) =>
        String((attributes as Record<string, unknown>)['background_tasks.task.name']).startsWith(prefix),
      )
      .reduce((total, { value }) => total + (value as number), 0);
  const instrumentation = instrument();
  const { runner } = await startApp({});
  for (let i = 0; i < 1_100; i++) {
    runner.with({ name: `many ${i}` }).start(() => undefined);
    runner.with({ name: `many ${i}` }).start(() => undefined);
  }
  await runner.drain();
  expect(await sum('many')).toBe(2_200);
  runner.with({ name: 'last' }).start(() => undefined);
  await runner.drain();
  instrumentation.disable();
  expect(await sum('last')).toBe(1);
});

test('a stand-in for the provider of the process, from another copy of the API, changes nothing', async () => {
  // As Sentry gives it: no copy of the API tells that of another that there is a provider now.
  instrument().setTracerProvider(new ProxyTracerProvider());
  const { runner } = await startApp({});
  await runner.start(notify).settled();
  expect(telemetry.spansOf('task notify')).toHaveLength(1);
});

test('a stand-in that has a provider of its own is that provider', async () => {
  const exporter = new InMemorySpanExporter();
  const other = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const proxy = new ProxyTracerProvider();
  proxy.setDelegate(other);
  instrument().setTracerProvider(proxy);
  const { runner } = await startApp({});
  await runner.start(notify).settled();
  expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual(['task notify']);
  expect(telemetry.spansOf('task notify')).toEqual([]);
});

test('an option that is undefined has its default', async () => {
  const instrumentation = instrument({ enabled: undefined, metrics: undefined, relation: undefined });
  const { runner } = await startApp({});
  await runner.start(notify).settled();
  expect(telemetry.spansOf('task notify')).toHaveLength(1);
  instrumentation.setConfig({ enabled: undefined });
  await runner.start(notify).settled();
  expect(telemetry.spansOf('task notify')).toHaveLength(2);
});

test('its version is that of the package', async () => {
  const manifest = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
  expect(instrument({ enabled: false }).instrumentationVersion).toBe(manifest.version);
});

test.each(stores)("with BullMQ's own telemetry on $name, no span of a queue is doubled", async ({ connection }) => {
  instrument();
  await order(
    BullMqTasksModule.forRoot({ connection, prefix: ownPrefix(), telemetry: new BullMQOtel({ tracerName: 'bullmq' }) }),
  );
  await expect.poll(() => telemetry.spansOf('process payments')).toHaveLength(2);
  const byBullMq = telemetry.spans.filter(({ kind }) => kind === SpanKind.CONSUMER || kind === SpanKind.PRODUCER);
  expect(new Set(byBullMq.map(({ instrumentationScope }) => instrumentationScope.name))).toEqual(new Set(['bullmq']));
  const consumers = telemetry.spansOf('process payments').map((span) => span.spanContext().spanId);
  const attempts = telemetry.spansOf('task charge');
  expect(attempts.map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual(consumers);
  expect(attempts.map(({ status }) => status.code)).toEqual([SpanStatusCode.ERROR, SpanStatusCode.UNSET]);
});
