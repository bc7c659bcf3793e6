import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { BackgroundTasksModule, TaskRunner } from 'nestjs-background-tasks';

class PingController {
  ping() {
    return 'pong';
  }
}
Controller()(PingController);
Get('ping')(PingController.prototype, 'ping', Object.getOwnPropertyDescriptor(PingController.prototype, 'ping'));

/** A small application that listens on a free port of the loopback interface. */
export async function startApplication(options = {}) {
  class AppModule {}
  Module({
    imports: [BackgroundTasksModule.forRoot({ blockingThreshold: 0, ...options })],
    controllers: [PingController],
  })(AppModule);
  const app = await NestFactory.create(AppModule, { logger: false });
  await app.listen(0, '127.0.0.1');
  return { app, runner: app.get(TaskRunner), port: app.getHttpServer().address().port };
}
