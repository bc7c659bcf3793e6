// Measures what an open dashboard costs: the CPU of a process that runs 2,000 tasks a second, with a page open and without, in
// turns, so that what else the machine does counts for both. Usage: node bench/dashboard/open-page.mjs [pairs]
import 'reflect-metadata';
import { fork } from 'node:child_process';
import { get } from 'node:http';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { BackgroundTasksModule, TaskRunner } from '../../dist/index.js';
import { BackgroundTasksDashboardModule } from '../../dist/dashboard/index.js';

const [PER_SECOND, SECONDS, STEP] = [2_000, 5, 10];

const work = async () => undefined;

if (process.argv[2] === 'page') {
  // A page in a process of its own.
  get(process.argv[3], (response) => response.resume());
} else {
  const pairs = Number(process.argv[2] ?? 4);
  class AppModule {}
  Module({
    imports: [BackgroundTasksModule.forRoot(), BackgroundTasksDashboardModule.forRoot({ guards: 'open' })],
  })(AppModule);
  const app = await NestFactory.create(AppModule, { logger: ['error'] });
  await app.listen(0, '127.0.0.1');
  const url = `${await app.getUrl()}/background-tasks/api/events`;
  const runner = app.get(TaskRunner);
  const names = Array.from({ length: 20 }, (_, i) => runner.with({ name: `task ${i}` }));

  /** The percentage of one CPU that the load takes. */
  const measured = async () => {
    const before = process.cpuUsage();
    const beganAt = performance.now();
    for (let added = 0; added < PER_SECOND * SECONDS;) {
      const due = Math.min(PER_SECOND * SECONDS, ((performance.now() - beganAt) / 1_000) * PER_SECOND);
      for (; added < due; added++) {
        names[added % names.length].start(work);
      }
      await setTimeout(STEP);
    }
    await runner.drain();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 10 / (performance.now() - beganAt);
  };

  await measured();
  const differences = [];
  for (let i = 0; i < pairs; i++) {
    const without = await measured();
    const page = fork(join(import.meta.dirname, 'open-page.mjs'), ['page', url]);
    await setTimeout(500);
    const open = await measured();
    page.kill();
    await setTimeout(300);
    differences.push(open - without);
    console.log(
      `without ${without.toFixed(2)} %, open ${open.toFixed(2)} %, cost ${(open - without).toFixed(2)} % of a CPU`,
    );
  }
  const median = differences.toSorted((a, b) => a - b)[Math.floor(differences.length / 2)];
  console.log(`median cost of an open page at ${PER_SECOND} tasks a second: ${median.toFixed(2)} % of a CPU`);
  await app.close();
}
