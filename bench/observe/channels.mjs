// Measures what the channels and the instrumentation of OpenTelemetry cost a task, and the same spans and metrics made by
// hand: CPU time of the process in rounds without, with, and without again. The first rounds of each are left out: V8
// compiles the code anew when a channel gets subscribers. Run it after `npm run build`:
//   node --expose-gc bench/observe/channels.mjs
import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { tracingChannel } from 'node:diagnostics_channel';
import { trace } from '@opentelemetry/api';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { AggregationTemporality, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BackgroundTasksModule, TaskRunner } from '../../dist/index.js';
import { BackgroundTasksInstrumentation } from '../../dist/otel/index.js';

const TASKS = 20_000;
const WARM_UP = 2;
const ROUNDS = 7;

class AppModule {}
Module({ imports: [BackgroundTasksModule.forRoot()] })(AppModule);

const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
const runner = app.get(TaskRunner);
const work = () => undefined;

/** µs of CPU for each task. */
async function round(task) {
  globalThis.gc?.();
  const before = process.cpuUsage();
  for (let i = 0; i < TASKS; i += 100) {
    for (let j = 0; j < 100; j++) {
      runner.start(task);
    }
    await runner.drain();
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / TASKS;
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** The guards of one task alone, in a loop: they are too small for a round to show. */
function guards() {
  const channels = ['add', 'attempt', 'enqueue'].map((name) => tracingChannel(`nestjs-background-tasks.${name}`));
  const [add, attempt] = channels;
  const times = Array.from({ length: 9 }, () => {
    const start = performance.now();
    let count = 0;
    for (let i = 0; i < 1_000_000; i++) {
      // As often as a task of the process reads them: once for `add`, once for `attempt`, three times for steps.
      count += add.hasSubscribers + attempt.hasSubscribers;
      count += attempt.start.hasSubscribers + attempt.end.hasSubscribers + attempt.error.hasSubscribers;
    }
    return performance.now() - start + count;
  });
  return median(times);
}

await round(work);
console.log(`channels without subscribers: ${guards().toFixed(1)} ns a task`);

const exporter = { export: (_all, done) => done({ code: 0 }), shutdown: async () => {}, forceFlush: async () => {} };
const metricExporter = { ...exporter, selectAggregationTemporality: () => AggregationTemporality.CUMULATIVE };
new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] }).register();
const readers = [new PeriodicExportingMetricReader({ exporter: metricExporter })];
const meterProvider = new MeterProvider({ readers });

async function rounds(task) {
  const all = [];
  for (let i = 0; i < WARM_UP + ROUNDS; i++) {
    all.push(await round(task));
  }
  return all.slice(WARM_UP);
}

async function compare(name, task, begin, end) {
  const before = await rounds(work);
  begin();
  const withIt = await rounds(task);
  end();
  const without = [...before, ...(await rounds(work))];
  const [cost, spread] = [
    median(withIt) - median(without),
    `${Math.min(...withIt).toFixed(2)} to ${Math.max(...withIt).toFixed(2)}`,
  ];
  console.log(
    `${name}: ${cost.toFixed(2)} µs of CPU a task (${median(without).toFixed(2)} without, ${median(withIt).toFixed(2)} with: ` +
      `${ROUNDS} rounds from ${spread})`,
  );
}

const nothing = () => undefined;
const tracer = trace.getTracer('bench');
const meter = meterProvider.getMeter('bench');
const boundaries = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 3_600];
const [wait, duration] = ['wait', 'duration'].map((name) =>
  meter.createHistogram(name, { advice: { explicitBucketBoundaries: boundaries } }),
);
const settled = meter.createCounter('settled');
const [named, ended] = [
  { name: 'work', target: 'event-loop' },
  { name: 'work', target: 'event-loop', status: 'completed' },
];
const spanByHand = () => {
  const attributes = { id: randomUUID(), name: 'work', attempt: 1, target: 'event-loop' };
  tracer.startActiveSpan('task work', { attributes }, (span) => span.end());
};
await compare('by hand, a span', spanByHand, nothing, nothing);
const allByHand = () => {
  spanByHand();
  wait.record(0.001, named);
  settled.add(1, ended);
  duration.record(0.001, ended);
};
await compare('by hand, a span and three metrics', allByHand, nothing, nothing);

for (const [name, makesMetrics] of /** @type {[string, boolean][]} */ ([
  ['/otel, spans alone', false],
  ['/otel, spans and metrics', true],
])) {
  const instrumentation = new BackgroundTasksInstrumentation({ metrics: makesMetrics, enabled: false });
  instrumentation.setMeterProvider(meterProvider);
  await compare(
    name,
    work,
    () => instrumentation.enable(),
    () => instrumentation.disable(),
  );
}
await app.close();
process.exit(0);
