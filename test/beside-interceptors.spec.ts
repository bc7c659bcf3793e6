import type { ServerResponse } from 'node:http';
import {
  Controller,
  Get,
  ImATeapotException,
  Injectable,
  RequestTimeoutException,
  Scope,
  UseGuards,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type INestApplication,
  type ModuleMetadata,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { catchError, concatMap, map, of, retry, tap, throwError, timeout, TimeoutError } from 'rxjs';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { BackgroundTasks, BackgroundTasksInterceptor, Tasks } from 'nestjs-background-tasks';
import { Gate } from './fixtures/gate.ts';
import { RawResponse, scope } from './fixtures/place.ts';
import { startApp, type StartedApp } from './fixtures/start-app.ts';

/** ms. If the application wrongly counts a handler as running, closing it takes longer than this. */
const TEST_TIMEOUT = 10_000;

let events: string[];
let calls: number;
/** Lets the slow handler go on. */
let gate: Gate;
let hasGoneOn: Gate;

beforeEach(() => {
  events = [];
  calls = 0;
  gate = new Gate();
  hasGoneOn = new Gate();
});

function addAll(tasks: BackgroundTasks, who: string): void {
  tasks.addTask(() => events.push(`${who}, default`));
  tasks.with({ runOn: 'failure' }).addTask(() => events.push(`${who}, failure`));
}

@Injectable()
class AddingGuard implements CanActivate {
  constructor(private readonly tasks: BackgroundTasks) {}

  canActivate(): boolean {
    addAll(this.tasks, 'guard');
    return true;
  }
}

@Controller()
@UseGuards(AddingGuard)
class WorkController {
  constructor(private readonly tasks: BackgroundTasks) {}

  @Get()
  get(@RawResponse() response: ServerResponse) {
    response.once('finish', () => events.push('finish'));
    addAll(this.tasks, `call ${++calls}`);
    return 'answer';
  }

  @Get('third-time-lucky')
  async thirdTimeLucky(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks, `call ${++calls}`);
    await new Promise(setImmediate);
    addAll(this.tasks, `call ${calls}, later`);
    if (calls < 3) {
      throw new Error('not yet');
    }
    return 'at last';
  }

  @Get('slow')
  async slow(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks, `call ${++calls}`);
    await gate.opened;
    addAll(this.tasks, 'too late');
    hasGoneOn.open();
    return 'too late';
  }

  @Get('throws')
  throws() {
    addAll(this.tasks, `call ${++calls}`);
    throw new Error('boom');
  }
}

type InterceptorFunction = (context: ExecutionContext, next: CallHandler) => ReturnType<NestInterceptor['intercept']>;

interface Place {
  name: string;
  metadata: (interceptor: NestInterceptor) => ModuleMetadata;
  configure?: (app: INestApplication, interceptor: NestInterceptor) => void;
}

// Interceptors of the root module run outside of this package's interceptor. Those of a module that is imported after
// BackgroundTasksModule run inside, and so do those of useGlobalInterceptors.
const places: Place[] = [
  {
    name: 'before ours',
    metadata: (interceptor) => ({ providers: [{ provide: APP_INTERCEPTOR, useValue: interceptor }] }),
  },
  {
    name: 'after ours',
    metadata: (interceptor) => ({
      imports: [{ module: class Inner {}, providers: [{ provide: APP_INTERCEPTOR, useValue: interceptor }] }],
    }),
  },
  {
    name: 'by the application',
    metadata: () => ({}),
    configure: (app, interceptor) => app.useGlobalInterceptors(interceptor),
  },
];

function start({ metadata, configure }: Place, intercept: InterceptorFunction): Promise<StartedApp> {
  const interceptor = { intercept };
  const options = { shutdownTimeout: 10 * TEST_TIMEOUT };
  return startApp({ controllers: [WorkController], ...metadata(interceptor) }, options, (app) => {
    configure?.(app, interceptor);
  });
}

async function ask({ url, runner }: StartedApp, path = '') {
  const response = await fetch(`${url}/${path}`);
  const text = await response.text();
  await runner.drain();
  return [response.status, text];
}

interface Case {
  name: string;
  path?: string;
  intercept: InterceptorFunction;
  answer: [number, string];
  events: string[];
}

const cases: Case[] = [
  {
    name: 'that transforms the answer',
    intercept: (_context, next) => next.handle().pipe(map((value) => `<${String(value)}>`)),
    answer: [200, '<answer>'],
    events: ['finish', 'guard, default', 'call 1, default'],
  },
  {
    name: 'that throws instead of the answer',
    intercept: (_context, next) => next.handle().pipe(concatMap(() => throwError(() => new ImATeapotException()))),
    answer: [418, expect.stringContaining('teapot') as string],
    events: ['finish', 'guard, failure', 'call 1, failure'],
  },
  {
    name: 'that catches an error and answers something else',
    path: 'throws',
    intercept: (_context, next) => next.handle().pipe(catchError(() => of('instead'))),
    answer: [200, 'instead'],
    events: ['guard, default', 'call 1, default'],
  },
  {
    name: 'that retries: the tasks of each try run, by the last answer',
    path: 'third-time-lucky',
    intercept: (_context, next) => next.handle().pipe(retry({ count: 2, delay: 1 })),
    answer: [200, 'at last'],
    events: ['guard', 'call 1', 'call 1, later', 'call 2', 'call 2, later', 'call 3', 'call 3, later'].map(
      (who) => `${who}, default`,
    ),
  },
  {
    name: 'that answers without the handler',
    intercept: () => of('short'),
    answer: [200, 'short'],
    events: ['guard, default'],
  },
  {
    name: 'that waits before the handler is called, and afterwards',
    intercept: async (_context, next) => {
      await new Promise(setImmediate);
      return next.handle().pipe(
        concatMap(async (value) => {
          await new Promise(setImmediate);
          events.push('interceptor is done');
          return value as unknown;
        }),
      );
    },
    answer: [200, 'answer'],
    events: ['interceptor is done', 'finish', 'guard, default', 'call 1, default'],
  },
];

const everywhere = cases.flatMap((it) => places.map((place) => ({ ...it, place })));

test.each(everywhere)(
  'one registered $place.name $name',
  async ({ place, path, intercept, answer, events: expected }) => {
    const started = await start(place, intercept);
    expect(await ask(started, path)).toEqual(answer);
    expect(events).toEqual(expected);
    await started.app.close();
    expect(started.log.said('warn')).toEqual([]);
  },
  TEST_TIMEOUT,
);

test.each(places)(
  'one registered $name that gives up waiting: tasks run by its answer, also those that the handler adds later',
  async (place) => {
    const started = await start(place, (_context, next) =>
      next.handle().pipe(
        timeout(50),
        catchError((error: unknown) =>
          throwError(() => (error instanceof TimeoutError ? new RequestTimeoutException() : error)),
        ),
      ),
    );
    expect(await ask(started, 'slow')).toEqual([408, expect.stringContaining('Request Timeout')]);
    expect(events).toEqual(['guard, failure', 'call 1, failure']);
    gate.open();
    await hasGoneOn.opened;
    await started.runner.drain();
    expect(events).toEqual(['guard, failure', 'call 1, failure', 'too late, failure']);
    await started.app.close();
    expect(started.log.said('warn')).toEqual([]);
  },
  TEST_TIMEOUT,
);

test('several of them, outside and inside of ours, each see the answer, and then the tasks run', async () => {
  const note = (who: string) => ({
    intercept: (_context: ExecutionContext, next: CallHandler) => {
      events.push(`${who} >`);
      return next.handle().pipe(
        tap(() => events.push(`< ${who}`)),
        map((value) => `${who}(${String(value)})`),
      );
    },
  });
  const provide = (who: string) => ({ provide: APP_INTERCEPTOR, useValue: note(who) });
  const { intercept } = BackgroundTasksInterceptor.prototype;
  const ours = vi.spyOn(BackgroundTasksInterceptor.prototype, 'intercept').mockImplementation(function (
    this: BackgroundTasksInterceptor,
    ...args
  ) {
    events.push('ours >');
    return intercept.apply(this, args);
  });
  onTestFinished(() => ours.mockRestore());
  const started = await startApp(
    {
      controllers: [WorkController],
      imports: [{ module: class Inner {}, providers: [provide('c'), provide('d')] }],
      providers: [provide('a'), provide('b')],
    },
    {},
    (app) => app.useGlobalInterceptors(note('e'), note('f')),
  );
  expect(await ask(started)).toEqual([200, 'a(b(c(d(e(f(answer))))))']);
  expect(events).toEqual([
    'a >',
    'b >',
    // With Scope.DEFAULT, HTTP requests have no interceptor of this package.
    ...(scope === Scope.REQUEST ? ['ours >'] : []),
    'c >',
    'd >',
    'e >',
    'f >',
    '< f',
    '< e',
    '< d',
    '< c',
    '< b',
    '< a',
    'finish',
    'guard, default',
    'call 1, default',
  ]);
});
