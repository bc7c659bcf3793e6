// A process that runs jobs of a queue: with this package, or with a Worker of BullMQ alone.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { BackgroundTasksModule } from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { answer, cpuTime, spec } from './answer.mjs';
import { directWorker } from './queues.direct.mjs';
import { mailerOf } from './queues.mailer.mjs';

const { kind, queue: name, url, prefix, concurrency } = spec();
const OPTIONS = { concurrency, lockDuration: 30_000, stalledInterval: 5_000 };

let expected;
let done = 0;
let first;
let finish;

// Measures from the first job to the last, without the time until the worker notices that the queue has jobs.
function onJob() {
  done++;
  if (done === 1) {
    first = { at: performance.now(), cpu: cpuTime() };
  }
  if (done === expected) {
    const count = done - 1;
    finish({
      count,
      cost: (cpuTime() - first.cpu) / count,
      rate: (1_000 * count) / (performance.now() - first.at),
    });
  }
}

if (kind === 'ours') {
  class AppModule {}
  Module({
    imports: [BackgroundTasksModule.forRoot(), BullMqTasksModule.forRoot({ connection: url, prefix, worker: OPTIONS })],
    providers: [mailerOf(name, onJob)],
  })(AppModule);
  await NestFactory.createApplicationContext(AppModule, { logger: ['error'] });
} else {
  await directWorker(name, url, prefix, async () => onJob(), { ...OPTIONS, runRetryDelay: 500 }).waitUntilReady();
}

let finished;
answer({
  /** Prepares for this many jobs. */
  expect(count) {
    expected = count;
    done = 0;
    finished = new Promise((resolve) => {
      finish = resolve;
    });
    return {};
  },
  /** @returns µs of CPU for each job, their number, and jobs a second, once all expected ones have run */
  finished: () => finished,
});
