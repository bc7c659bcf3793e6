// The application of this bench: with a worker, or only for adding tasks.
import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Task, BackgroundTasksModule } from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { Pool } from 'pg';

export const PREFIX = 'bench';

/** @param ship what the task does */
export async function startApplication(url, worker, ship) {
  class Orders {
    async ship(id) {
      await ship(id);
    }
  }
  Injectable()(Orders);
  Task({ queue: 'orders' })(Orders.prototype, 'ship', Object.getOwnPropertyDescriptor(Orders.prototype, 'ship'));
  class AppModule {}
  Module({
    imports: [BackgroundTasksModule.forRoot(), BullMqTasksModule.forRoot({ connection: url, prefix: PREFIX, worker })],
    providers: [Orders],
  })(AppModule);
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['warn', 'error'] });
  return { app, orders: app.get(Orders) };
}

// As a process of its own, it runs the tasks. Each notes whether it saw the row of its order.
if (process.send) {
  const [, , url] = process.argv;
  const pool = new Pool({ connectionString: url, max: 10 });
  const worker = { concurrency: 8, lockDuration: 2_000, stalledInterval: 500, maxStalledCount: 10 };
  await startApplication(url, worker, (id) =>
    pool.query('INSERT INTO runs (id, saw) SELECT $1, EXISTS (SELECT FROM orders WHERE id = $1)', [id]),
  );
  process.send({});
}
