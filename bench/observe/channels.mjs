// Measures what the channels and the instrumentation of OpenTelemetry cost a task: CPU time of the process in pairs of
// rounds, one without and one with, in one run. Run it after `npm run build`:
//   node --expose-gc bench/observe/channels.mjs
import { performance } from 'node:perf_hooks';
import { tracingChannel } from 'node:diagnostics_channel';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { AggregationTemporality, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BackgroundTasksModule, TaskRunner } from '../../dist/index.js';
import { BackgroundTasksInstrumentation } from '../../dist/otel/index.js';

const TASKS = 20_000;
const PAIRS = 9;

class AppModule {}
Module({ imports: [BackgroundTasksModule.forRoot()] })(AppModule);

const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
const runner = app.get(TaskRunner);
const work = () => undefined;

/** µs of CPU for each task. */
async function round() {
  globalThis.gc?.();
  const before = process.cpuUsage();
  for (let i = 0; i < TASKS; i += 100) {
    for (let j = 0; j < 100; j++) {
      runner.start(work);
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

await round();
console.log(`channels without subscribers: ${guards().toFixed(1)} ns a task`);

const exporter = { export: (_all, done) => done({ code: 0 }), shutdown: async () => {}, forceFlush: async () => {} };
const metricExporter = { ...exporter, selectAggregationTemporality: () => AggregationTemporality.CUMULATIVE };
new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] }).register();
const readers = [new PeriodicExportingMetricReader({ exporter: metricExporter })];
const meterProvider = new MeterProvider({ readers });

for (const [name, makesMetrics] of /** @type {[string, boolean][]} */ ([
  ['/otel, spans and metrics', true],
  ['/otel, spans alone', false],
])) {
  const instrumentation = new BackgroundTasksInstrumentation({ metrics: makesMetrics, enabled: false });
  instrumentation.setMeterProvider(meterProvider);
  const [without, withIt] = [[], []];
  for (let pair = 0; pair < PAIRS; pair++) {
    without.push(await round());
    instrumentation.enable();
    withIt.push(await round());
    instrumentation.disable();
  }
  const costs = withIt.map((it, i) => it - without[i]);
  console.log(
    `${name}: ${median(costs).toFixed(2)} µs of CPU a task (${median(without).toFixed(2)} without, ` +
      `${median(withIt).toFixed(2)} with; ${PAIRS} pairs from ${Math.min(...costs).toFixed(2)} to ${Math.max(...costs).toFixed(2)})`,
  );
}
await app.close();
process.exit(0);
