// Measures how long the dashboard takes to list and search 100,000 tasks. Usage: node bench/dashboard/history.mjs
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { BackgroundTasksModule, TaskRunner } from '../../dist/index.js';
import { BackgroundTasksDashboardModule } from '../../dist/dashboard/index.js';

const COUNT = 100_000;

class AppModule {}
Module({
  imports: [
    BackgroundTasksModule.forRoot({ history: { max: COUNT }, maxPending: COUNT + 1 }),
    BackgroundTasksDashboardModule.forRoot({ guards: 'open' }),
  ],
})(AppModule);
const app = await NestFactory.create(AppModule, { logger: ['error'] });
await app.listen(0, '127.0.0.1');
const url = `${await app.getUrl()}/background-tasks/api/tasks`;
const runner = app.get(TaskRunner);
for (let i = 0; i < COUNT; i++) {
  runner.with({ name: `Service${i % 50}.task` }).start(() => undefined);
}
await runner.drain();
const heap = () => Math.round(process.memoryUsage().heapUsed / 1e6);
console.log(`heap before: ${heap()} MB`);
for (const query of ['', 'search=service17', 'search=zzz', 'status=failed', 'offset=50000']) {
  const times = [];
  for (let i = 0; i < 7; i++) {
    const before = process.cpuUsage();
    await (await fetch(`${url}?${query}`)).text();
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1_000);
  }
  console.log(`${query.padEnd(18)} median ${times.toSorted((a, b) => a - b)[3].toFixed(0)} ms of CPU`);
}
console.log(`heap after: ${heap()} MB`);
await app.close();
