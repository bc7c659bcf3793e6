import {
  Controller,
  Get,
  Inject,
  Injectable,
  Query,
  Scope,
  UseGuards,
  UseInterceptors,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type MiddlewareConsumer,
  type NestInterceptor,
  type NestMiddleware,
  type NestModule,
  type PipeTransform,
} from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { tap } from 'rxjs';
import { expect, test } from 'vitest';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';
import { scope } from './fixtures/place.ts';
import { startApp } from './fixtures/start-app.ts';

const ran: string[] = [];
const run = (who: string) => void ran.push(who);

@Injectable()
class Middleware implements NestMiddleware {
  @Inject() private readonly tasks!: BackgroundTasks;
  use(_request: unknown, _response: unknown, next: () => void) {
    this.tasks.addTask(run, 'middleware');
    next();
  }
}

@Injectable({ scope: Scope.REQUEST })
class GlobalGuard implements CanActivate {
  @Inject() private readonly tasks!: BackgroundTasks;
  canActivate() {
    this.tasks.addTask(run, 'global guard');
    return true;
  }
}

@Injectable()
class Guard implements CanActivate {
  @Inject() private readonly tasks!: BackgroundTasks;
  canActivate() {
    this.tasks.addTask(run, 'guard');
    return true;
  }
}

@Injectable({ scope: Scope.REQUEST })
class GlobalInterceptor implements NestInterceptor {
  @Inject() private readonly tasks!: BackgroundTasks;
  intercept(_context: ExecutionContext, next: CallHandler) {
    this.tasks.addTask(run, 'global interceptor');
    return next.handle().pipe(tap(() => this.tasks.addTask(run, 'global interceptor, afterwards')));
  }
}

@Injectable()
class Interceptor implements NestInterceptor {
  @Inject() private readonly tasks!: BackgroundTasks;
  intercept(_context: ExecutionContext, next: CallHandler) {
    this.tasks.addTask(run, 'interceptor');
    return next.handle().pipe(tap(() => this.tasks.addTask(run, 'interceptor, afterwards')));
  }
}

@Injectable()
class QueryPipe implements PipeTransform {
  @Inject() private readonly tasks!: BackgroundTasks;
  transform(value: string) {
    this.tasks.addTask(run, `pipe ${value}`);
    return value;
  }
}

@Injectable({ scope: Scope.REQUEST })
class DeepService {
  @Inject() private readonly tasks!: BackgroundTasks;
  work() {
    this.tasks.addTask(run, 'service');
  }
}

@Controller()
class LayeredController {
  constructor(
    private readonly tasks: BackgroundTasks,
    private readonly service: DeepService,
  ) {}

  @Get()
  @UseGuards(Guard)
  @UseInterceptors(Interceptor)
  get(@Query('q', QueryPipe) q: string, @Tasks() tasks: BackgroundTasks) {
    this.service.work();
    this.tasks.addTask(run, 'handler, injected');
    tasks.addTask(run, 'handler, parameter');
    return { q, same: tasks === this.tasks, count: tasks.tasks.length };
  }
}

test('ten layers add to the same collection, and their tasks run in that order', async () => {
  class Layers implements NestModule {
    configure(consumer: MiddlewareConsumer) {
      consumer.apply(Middleware).forRoutes(LayeredController);
    }
  }
  const { url, runner } = await startApp({
    imports: [{ module: Layers }],
    controllers: [LayeredController],
    providers: [
      DeepService,
      { provide: APP_GUARD, useClass: GlobalGuard },
      { provide: APP_INTERCEPTOR, useClass: GlobalInterceptor },
    ],
  });
  const response = await fetch(`${url}/?q=x`);
  // A singleton is one for all requests.
  expect(await response.json()).toEqual({ q: 'x', same: scope === Scope.REQUEST, count: 9 });
  await runner.drain();
  expect(ran).toEqual([
    'middleware',
    'global guard',
    'guard',
    'global interceptor',
    'interceptor',
    'pipe x',
    'service',
    'handler, injected',
    'handler, parameter',
    'interceptor, afterwards',
    'global interceptor, afterwards',
  ]);
});
