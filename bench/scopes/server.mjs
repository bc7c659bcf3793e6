// One of the applications that requests.mjs compares: node server.mjs PLATFORM KIND
import 'reflect-metadata';
import { Controller, Get, Inject, Injectable, Module, Res, Scope } from '@nestjs/common';
import { APP_INTERCEPTOR, NestFactory } from '@nestjs/core';
import { BackgroundTasks, BackgroundTasksModule } from 'nestjs-background-tasks';

const [, , platform, kind] = process.argv;
const task = () => undefined;

class EmptyInterceptor {
  intercept(_context, next) {
    return next.handle();
  }
}
class EmptyProvider {}
Injectable({ scope: Scope.REQUEST })(EmptyProvider);

/** The dependency that the controller injects, if any. */
const injected = { 'request-injected': BackgroundTasks, 'empty-provider': EmptyProvider, task: BackgroundTasks }[kind];

class HelloController {
  constructor(tasks) {
    this.tasks = tasks;
  }

  hello(response) {
    if (kind === 'task') {
      this.tasks.addTask(task);
    } else if (kind === 'by-hand') {
      (response.raw ?? response).once('finish', task);
    }
    return 'hello';
  }
}
Controller()(HelloController);
Get()(HelloController.prototype, 'hello', Object.getOwnPropertyDescriptor(HelloController.prototype, 'hello'));
if (kind === 'by-hand') {
  Res({ passthrough: true })(HelloController.prototype, 'hello', 0);
}
if (injected) {
  Inject(injected)(HelloController, undefined, 0);
}

const modules = {
  default: () => BackgroundTasksModule.forRoot({ scope: Scope.DEFAULT }),
  task: () => BackgroundTasksModule.forRoot({ scope: Scope.DEFAULT }),
  request: () => BackgroundTasksModule.forRoot(),
  'request-injected': () => BackgroundTasksModule.forRoot(),
};
const empty = ['empty-interceptor', 'empty-provider'].includes(kind);

class AppModule {}
Module({
  imports: modules[kind] ? [modules[kind]()] : [],
  controllers: [HelloController],
  providers: [
    ...(empty ? [{ provide: APP_INTERCEPTOR, useClass: EmptyInterceptor }] : []),
    ...(kind === 'empty-provider' ? [EmptyProvider] : []),
  ],
})(AppModule);

const { FastifyAdapter } = platform === 'fastify' ? await import('@nestjs/platform-fastify') : {};
const app = await NestFactory.create(AppModule, ...(FastifyAdapter ? [new FastifyAdapter()] : []), { logger: false });
await app.listen(0, '127.0.0.1');
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send({ time: user + system });
});
process.send({ port: app.getHttpServer().address().port });
