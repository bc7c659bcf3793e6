import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { BackgroundTasksModule, TaskRunner, Tasks } from 'nestjs-background-tasks';

class PingController {
  ping() {
    return 'pong';
  }
}
Controller()(PingController);
Get('ping')(PingController.prototype, 'ping', Object.getOwnPropertyDescriptor(PingController.prototype, 'ping'));

class WorkController {
  static work;

  work(tasks) {
    WorkController.work(tasks);
    return 'answered';
  }
}
Controller()(WorkController);
Get()(WorkController.prototype, 'work', Object.getOwnPropertyDescriptor(WorkController.prototype, 'work'));
Tasks()(WorkController.prototype, 'work', 0);

/**
 * Starts a small application that listens on a free port of the loopback interface.
 *
 * @param work adds tasks: each request for `/` calls it with its `BackgroundTasks`
 */
export async function startApplication(options = {}, work = () => undefined) {
  WorkController.work = work;
  class AppModule {}
  Module({
    imports: [BackgroundTasksModule.forRoot({ blockingThreshold: 0, ...options })],
    controllers: [PingController, WorkController],
  })(AppModule);
  const app = await NestFactory.create(AppModule, { logger: false });
  await app.listen(0, '127.0.0.1');
  return { app, runner: app.get(TaskRunner), port: app.getHttpServer().address().port };
}
