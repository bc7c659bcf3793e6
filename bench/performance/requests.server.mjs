// One of the applications whose requests are measured.
import 'reflect-metadata';
import { Controller, createParamDecorator, Get, Inject, Injectable, Module, Res, Scope } from '@nestjs/common';
import { APP_INTERCEPTOR, NestFactory, REQUEST } from '@nestjs/core';
import { BackgroundTasks, BackgroundTasksModule, TaskRunner, Tasks } from 'nestjs-background-tasks';
import { finalize, Observable } from 'rxjs';
import { answer, cpuTime, spec } from './answer.mjs';
import { addByHand, enterRequests } from './by-hand.mjs';
import { EmptyInterceptor } from './empty-interceptor.mjs';

/**
 * scope: of the module, or none for an application without it.
 * tasks: how the handler gets at its tasks: 'injected', 'parameter' or 'by-hand', or none for a request without tasks.
 * count: tasks of a request. isAsync: whether their function is. isScoped: whether the controller injects an empty
 * provider of request scope. hasDependencies: whether that provider injects the request and a singleton.
 * isIntercepted: whether there is an empty global interceptor. isWatched: whether that interceptor watches how the
 * handler ends. isPiped: whether the handler gets the response from a decorator with a pipe.
 * promises: how many promises of `by-hand.mjs` a task by hand keeps.
 */
const given = spec();
const { platform, scope, tasks: access, count = 1, promises = 0 } = given;
const { isAsync, isScoped, hasDependencies, isIntercepted, isWatched, isPiped } = given;

const task = isAsync ? async () => undefined : () => undefined;
const ANSWER = { message: 'hello' };

function addEach(tasks) {
  for (let i = 0; i < count; i++) {
    tasks.addTask(task);
  }
  return ANSWER;
}

const handlers = {
  injected() {
    return addEach(this.tasks);
  },
  parameter: addEach,
  'by-hand'(response) {
    addByHand(response.raw ?? response, task, promises);
    return ANSWER;
  },
};

class WatchingInterceptor {
  intercept(_context, next) {
    const handled = next.handle();
    return new Observable((subscriber) => handled.pipe(finalize(() => undefined)).subscribe(subscriber));
  }
}
class EmptyProvider {}
Injectable({ scope: Scope.REQUEST })(EmptyProvider);
class Singleton {}
Injectable()(Singleton);
const scopedProviders = hasDependencies
  ? [
      Singleton,
      {
        provide: EmptyProvider,
        scope: Scope.REQUEST,
        inject: [REQUEST, Singleton],
        useFactory: () => new EmptyProvider(),
      },
    ]
  : [EmptyProvider];

class EmptyPipe {
  transform(value) {
    return value;
  }
}
Injectable()(EmptyPipe);
// Fastify's reply is a thenable, for which a pipe would wait.
const PipedResponse = createParamDecorator((_data, context) => {
  const response = context.switchToHttp().getResponse();
  return response.raw ?? response;
});

class HelloController {
  constructor(tasks) {
    this.tasks = tasks;
  }
}
HelloController.prototype.hello = handlers[access] ?? (() => ANSWER);
Controller()(HelloController);
Get()(HelloController.prototype, 'hello', Object.getOwnPropertyDescriptor(HelloController.prototype, 'hello'));
if (access === 'by-hand') {
  (isPiped ? PipedResponse(EmptyPipe) : Res({ passthrough: true }))(HelloController.prototype, 'hello', 0);
} else if (access === 'parameter') {
  Tasks()(HelloController.prototype, 'hello', 0);
}
const injected = isScoped ? EmptyProvider : access === 'injected' && BackgroundTasks;
if (injected) {
  Inject(injected)(HelloController, undefined, 0);
} else {
  Reflect.defineMetadata('design:paramtypes', [], HelloController);
}

class AppModule {}
Module({
  imports: scope ? [BackgroundTasksModule.forRoot({ scope: Scope[scope], maxPending: Infinity })] : [],
  controllers: [HelloController],
  providers: [
    ...(isIntercepted
      ? [{ provide: APP_INTERCEPTOR, useClass: isWatched ? WatchingInterceptor : EmptyInterceptor }]
      : []),
    ...(isScoped ? scopedProviders : []),
  ],
})(AppModule);

const { FastifyAdapter } = platform === 'Fastify' ? await import('@nestjs/platform-fastify') : {};
const app = await NestFactory.create(AppModule, ...(FastifyAdapter ? [new FastifyAdapter()] : []), {
  logger: ['error'],
});
enterRequests(app.getHttpServer(), promises);
await app.listen(0, '127.0.0.1');
const runner = scope && app.get(TaskRunner);
answer(
  {
    /** Tasks of the last requests count too. */
    async cpuTime() {
      await runner?.drain();
      return cpuTime();
    },
  },
  { port: app.getHttpServer().address().port },
);
