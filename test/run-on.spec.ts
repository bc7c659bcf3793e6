import {
  BadRequestException,
  Catch,
  Controller,
  ForbiddenException,
  Get,
  HttpCode,
  Injectable,
  Param,
  ParseIntPipe,
  Redirect,
  UseFilters,
  UseGuards,
  UseInterceptors,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
  Scope,
} from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR } from '@nestjs/core';
import type { Response } from 'express';
import { map } from 'rxjs';
import { beforeEach, expect, test } from 'vitest';
import { BackgroundTasks, Tasks, type BackgroundTask } from 'nestjs-background-tasks';
import { startApp } from './fixtures/start-app.ts';

let ran: string[];
let added: readonly BackgroundTask[];

beforeEach(() => {
  ran = [];
});

function addAll(tasks: BackgroundTasks): void {
  tasks.with({ name: 'default' }).addTask(() => ran.push('default'));
  for (const runOn of ['success', 'failure', 'always'] as const) {
    tasks.with({ name: runOn, runOn }).addTask(() => ran.push(runOn));
  }
  added = tasks.tasks;
}

@Injectable()
class RefusingGuard implements CanActivate {
  constructor(private readonly tasks: BackgroundTasks) {}
  canActivate(): boolean {
    addAll(this.tasks);
    throw new ForbiddenException();
  }
}

@Injectable()
class AddingGuard implements CanActivate {
  constructor(private readonly tasks: BackgroundTasks) {}
  canActivate(): boolean {
    addAll(this.tasks);
    return true;
  }
}

/** Runs outside of this package's interceptor: it decides the answer that the client sees. */
@Injectable()
class OuterInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(
      map((value: unknown) => {
        if (value === 'refuse') {
          throw new BadRequestException();
        }
        if (value === 'teapot') {
          context.switchToHttp().getResponse<Response>().status(418);
        }
        return value;
      }),
    );
  }
}

class Forgivable extends Error {}

@Catch(Forgivable)
class ForgivingFilter implements ExceptionFilter {
  catch(_error: Forgivable, host: ArgumentsHost): void {
    host.switchToHttp().getResponse<Response>().status(200).send('forgiven');
  }
}

@Catch(RangeError)
@Injectable({ scope: Scope.REQUEST })
class AddingFilter implements ExceptionFilter {
  constructor(private readonly tasks: BackgroundTasks) {}
  catch(_error: RangeError, host: ArgumentsHost): void {
    addAll(this.tasks);
    host.switchToHttp().getResponse<Response>().status(507).send('no room');
  }
}

@Injectable()
class AddingInterceptor implements NestInterceptor {
  constructor(private readonly tasks: BackgroundTasks) {}
  intercept(_context: ExecutionContext, next: CallHandler) {
    addAll(this.tasks);
    return next.handle();
  }
}

@Controller()
class OutcomeController {
  @Get('ok')
  ok(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks);
  }

  @Get('created')
  @HttpCode(201)
  created(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks);
  }

  @Get('redirect')
  @Redirect('/elsewhere')
  redirect(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks);
  }

  @Get('status')
  @HttpCode(422)
  status(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks);
  }

  @Get('http-exception')
  httpException(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks);
    throw new BadRequestException();
  }

  @Get('error')
  error(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks);
    throw new TypeError('a bug');
  }

  @Get('guard')
  @UseGuards(RefusingGuard)
  guard() {}

  @Get('pipe/:id')
  @UseGuards(AddingGuard)
  pipe(@Param('id', ParseIntPipe) _id: number) {}

  @Get('interceptor/:id')
  @UseInterceptors(AddingInterceptor)
  interceptor(@Param('id', ParseIntPipe) _id: number) {}

  @Get('outer-interceptor-throws')
  outerThrows(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks);
    return 'refuse';
  }

  @Get('outer-interceptor-sets-status')
  outerSetsStatus(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks);
    return 'teapot';
  }

  @Get('forgiven')
  @UseFilters(ForgivingFilter)
  forgiven(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks);
    throw new Forgivable();
  }

  @Get('filter-adds')
  filterAdds() {
    throw new RangeError();
  }
}

const metadata = {
  controllers: [OutcomeController],
  providers: [
    { provide: APP_INTERCEPTOR, useClass: OuterInterceptor },
    { provide: APP_FILTER, scope: Scope.REQUEST, useClass: AddingFilter },
  ],
};

const onSuccess = ['default', 'success', 'always'];
const onFailure = ['failure', 'always'];

test.each([
  ['ok', 200, onSuccess],
  ['created', 201, onSuccess],
  ['redirect', 302, onSuccess],
  ['status', 422, onFailure],
  ['http-exception', 400, onFailure],
  ['error', 500, onFailure],
  ['guard', 403, onFailure],
  ['pipe/not-a-number', 400, onFailure],
  ['interceptor/not-a-number', 400, onFailure],
  ['outer-interceptor-throws', 400, onFailure],
  ['outer-interceptor-sets-status', 418, onFailure],
  ['forgiven', 200, onSuccess],
  ['filter-adds', 507, onFailure],
])('%s answers %i and runs what asked for it', async (path, status, expected) => {
  const { url, runner } = await startApp(metadata);
  const response = await fetch(`${url}/${path}`, { redirect: 'manual' });
  await response.text();
  expect(response.status).toBe(status);
  await runner.drain();
  expect(ran).toEqual(expected);
  for (const task of added) {
    expect(task.status, task.name).toBe(expected.includes(task.name) ? 'completed' : 'skipped');
  }
});

test("the application's runOn is the default of its tasks", async () => {
  const { url, runner } = await startApp(metadata, { runOn: 'always' });
  await fetch(`${url}/error`);
  await runner.drain();
  expect(ran).toEqual(['default', 'failure', 'always']);
});
