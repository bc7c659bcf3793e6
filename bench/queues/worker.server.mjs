// A process that runs jobs of a queue: with this package, or with a Worker of BullMQ alone.
// node worker.server.mjs KIND QUEUE URL PREFIX CONCURRENCY
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { BackgroundTasksModule } from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { directWorker } from './direct.mjs';
import { mailerOf } from './mailer.mjs';

const [, , kind, name, url, prefix, concurrency] = process.argv;
const OPTIONS = { concurrency: Number(concurrency), lockDuration: 30_000, stalledInterval: 5_000 };

let expected;
let done = 0;
let first;

const processorTime = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

// Measures from the first job to the last, without the time until the worker notices that the queue has jobs.
function onJob() {
  done++;
  if (done === 1) {
    first = { at: performance.now(), time: processorTime() };
  }
  if (done === expected) {
    process.send({ ms: performance.now() - first.at, time: processorTime() - first.time });
    done = 0;
  }
}

if (kind === 'ours') {
  class AppModule {}
  Module({
    imports: [BackgroundTasksModule.forRoot(), BullMqTasksModule.forRoot({ connection: url, prefix, worker: OPTIONS })],
    providers: [mailerOf(name, onJob)],
  })(AppModule);
  await NestFactory.createApplicationContext(AppModule, { logger: ['warn', 'error'] });
} else {
  await directWorker(name, url, prefix, async () => onJob(), { ...OPTIONS, runRetryDelay: 500 }).waitUntilReady();
}
process.on('message', (message) => {
  expected = message.expected;
  process.send({});
});
process.send({});
