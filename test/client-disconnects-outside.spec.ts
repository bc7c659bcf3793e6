import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  Catch,
  Controller,
  ForbiddenException,
  Get,
  Inject,
  Injectable,
  InternalServerErrorException,
  Res,
  StreamableFile,
  UseGuards,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type MiddlewareConsumer,
  type NestInterceptor,
  type NestMiddleware,
  type NestModule,
} from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import type { Response } from 'express';
import { concatMap, of, retry } from 'rxjs';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';
import { Gate } from './fixtures/gate.ts';
import { GRACES } from '../lib/request/http/response-watcher.ts';
import { RawClient } from './fixtures/raw-client.ts';
import { startApp } from './fixtures/start-app.ts';

let events: string[];
let reached: Gate;
let left: Gate;
let proceed: Gate;
let hugeFile: string;

beforeEach(() => {
  events = [];
  reached = new Gate();
  left = new Gate();
  proceed = new Gate();
});

function addAll(tasks: BackgroundTasks, response: Response): void {
  response.req.socket.once('close', () => left.open());
  for (const runOn of ['success', 'failure', 'always'] as const) {
    tasks.with({ runOn }).addTask(() => void events.push(runOn));
  }
  reached.open();
}

@Injectable()
class FileMiddleware implements NestMiddleware {
  @Inject() private readonly tasks!: BackgroundTasks;
  use(_request: unknown, response: Response): void {
    addAll(this.tasks, response);
    response.sendFile(hugeFile);
  }
}

@Injectable()
class AddingGuard implements CanActivate {
  @Inject() private readonly tasks!: BackgroundTasks;
  canActivate(context: ExecutionContext): boolean {
    addAll(this.tasks, context.switchToHttp().getResponse());
    return true;
  }
}

@Injectable()
class RefusingGuard implements CanActivate {
  @Inject() private readonly tasks!: BackgroundTasks;
  async canActivate(context: ExecutionContext): Promise<boolean> {
    addAll(this.tasks, context.switchToHttp().getResponse());
    await left.opened;
    await new Promise(setImmediate);
    throw new ForbiddenException();
  }
}

@Injectable()
class BadlyEndingGuard implements CanActivate {
  @Inject() private readonly tasks!: BackgroundTasks;
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const response = context.switchToHttp().getResponse<Response>();
    addAll(this.tasks, response);
    await left.opened;
    await new Promise(setImmediate);
    response.end(123 as never);
    return true;
  }
}

/** Runs outside of this package's interceptor. */
class OuterInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler) {
    switch (context.getHandler().name) {
      case 'cached':
        return of(new StreamableFile(endless()));
      case 'commits':
        return next.handle().pipe(
          concatMap(async () => {
            await proceed.opened;
            events.push('commit fails');
            throw new InternalServerErrorException();
          }),
        );
      case 'retried':
        return next.handle().pipe(retry(1));
      default:
        return next.handle();
    }
  }
}

class Unanswered extends Error {}

@Catch(Unanswered)
class LateFilter implements ExceptionFilter {
  async catch(_error: unknown, host: ArgumentsHost): Promise<void> {
    await proceed.opened;
    events.push('filter answers');
    host.switchToHttp().getResponse<Response>().status(200).send('all right');
  }
}

/** Sends no answer, because the client has left. */
@Catch(ForbiddenException)
class LookingFilter implements ExceptionFilter {
  catch(error: ForbiddenException, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<Response>();
    if (!response.destroyed) {
      response.status(error.getStatus()).send();
    }
  }
}

let attempts = 0;

@Controller()
class OutsideController {
  @Get('middleware')
  middleware() {}

  @Get('cached')
  @UseGuards(AddingGuard)
  cached() {}

  @Get('commits')
  async commits(@Tasks() tasks: BackgroundTasks, @Res({ passthrough: true }) response: Response) {
    addAll(tasks, response);
    await left.opened;
    return 'done';
  }

  @Get('late-filter')
  async lateFilter(@Tasks() tasks: BackgroundTasks, @Res({ passthrough: true }) response: Response) {
    addAll(tasks, response);
    await left.opened;
    throw new Unanswered();
  }

  @Get('retried')
  async retried(@Tasks() tasks: BackgroundTasks, @Res({ passthrough: true }) response: Response) {
    if (attempts++ === 0) {
      addAll(tasks, response);
      await left.opened;
      throw new Error('try again');
    }
    await proceed.opened;
    events.push('second attempt');
    return 'done';
  }

  @Get('unanswered')
  @UseGuards(RefusingGuard)
  unanswered() {}

  @Get('badly-ended')
  @UseGuards(BadlyEndingGuard)
  badlyEnded() {}
}

function endless(): Readable {
  return new Readable({
    read() {
      this.push('x'.repeat(1_000));
    },
  });
}

class Outside implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(FileMiddleware).forRoutes('middleware');
  }
}

async function leave(path: string, sees = ''): Promise<void> {
  const { port, runner } = await startApp(
    {
      imports: [{ module: Outside }],
      controllers: [OutsideController],
      providers: [{ provide: APP_INTERCEPTOR, useClass: OuterInterceptor }],
    },
    {},
    (app) => app.useGlobalFilters(new LateFilter(), new LookingFilter()),
  );
  const client = await RawClient.connect(port);
  client.request(path);
  await reached.opened;
  await client.receives(sees);
  client.leave();
  await left.opened;
  for (let turn = 0; turn < 20; turn++) {
    await new Promise(setImmediate);
  }
  proceed.open();
  await runner.drain(9_000);
}

test('a middleware sends a file, and the client leaves in the middle of it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'outside-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  hugeFile = join(folder, 'huge.bin');
  await writeFile(hugeFile, '');
  await truncate(hugeFile, 100_000_000);
  await leave('/middleware', 'HTTP/1.1 200');
  expect(events).toEqual(['success', 'always']);
});

test('an outer interceptor answers with a stream in place of the handler', async () => {
  await leave('/cached', 'xxx');
  expect(events).toEqual(['success', 'always']);
});

test('an outer interceptor has something to do after the handler, and fails', async () => {
  await leave('/commits');
  expect(events).toEqual(['commit fails', 'failure', 'always']);
});

test('an outer interceptor calls the handler again', async () => {
  await leave('/retried');
  expect(events).toEqual(['second attempt', 'success', 'always']);
});

test('a filter takes its time, and makes an answer of the error', async () => {
  await leave('/late-filter');
  expect(events).toEqual(['filter answers', 'success', 'always']);
});

test('a response that is ended in a way that throws', async () => {
  await leave('/badly-ended');
  expect(events).toContain('always');
});

test('a filter sees that the client has left, and answers nothing', async () => {
  // Nothing tells that the response is over, so it counts as over after 10 s. Here, that takes 50 ms.
  const { handler } = GRACES;
  GRACES.handler = 50;
  onTestFinished(() => void (GRACES.handler = handler));
  await leave('/unanswered');
  expect(events).toContain('always');
});
