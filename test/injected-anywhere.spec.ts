import { EventEmitter, once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import {
  Catch,
  Controller,
  Get,
  HttpException,
  ImATeapotException,
  Inject,
  Injectable,
  Param,
  ParseIntPipe,
  Query,
  Scope,
  UnauthorizedException,
  UseFilters,
  UseGuards,
  UseInterceptors,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type DynamicModule,
  type ExceptionFilter,
  type ExecutionContext,
  type HttpServer,
  type INestApplication,
  type MiddlewareConsumer,
  type NestInterceptor,
  type NestMiddleware,
  type NestModule,
  type PipeTransform,
  type Type,
} from '@nestjs/common';
import { APP_FILTER, ContextIdFactory, HttpAdapterHost, ModuleRef } from '@nestjs/core';
import { tap } from 'rxjs';
import { beforeEach, expect, test } from 'vitest';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';
import { RawResponse, scope } from './fixtures/place.ts';
import { startApp } from './fixtures/start-app.ts';

let events: string[];
/** How many objects that inject the tasks were made. */
let made: Record<string, number>;

beforeEach(() => {
  events = [];
  made = {};
});

const run = (who: string) => void events.push(who);

@Injectable()
abstract class WithTasks {
  constructor(protected readonly tasks: BackgroundTasks) {
    const { name } = new.target;
    made[name] = (made[name] ?? 0) + 1;
  }
}

@Injectable()
class Middleware extends WithTasks implements NestMiddleware {
  use(_request: unknown, _response: unknown, next: () => void): void {
    this.tasks.addTask(run, 'middleware');
    next();
  }
}

@Injectable()
class Guard extends WithTasks implements CanActivate {
  async canActivate(): Promise<boolean> {
    await new Promise(setImmediate);
    this.tasks.addTask(run, 'guard');
    return true;
  }
}

@Injectable()
class Interceptor extends WithTasks implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    this.tasks.addTask(run, 'interceptor');
    return next.handle().pipe(tap(() => this.tasks.addTask(run, 'interceptor, afterwards')));
  }
}

@Injectable()
class Pipe extends WithTasks implements PipeTransform<string> {
  transform(value: string): string {
    this.tasks.addTask(run, 'pipe');
    return value;
  }
}

@Injectable()
class Shelf extends WithTasks {
  async take(): Promise<void> {
    this.tasks.addTask(run, 'service');
    await new Promise(setImmediate);
    this.tasks.addTask(run, 'after an await');
    await new Promise<void>((resolve) => {
      setTimeout(() => {
        this.tasks.addTask(run, 'in a timer');
        resolve();
      }, 1);
    });
    const emitter = new EventEmitter();
    emitter.on('taken', (who: string) => this.tasks.addTask(run, who));
    emitter.emit('taken', 'in a listener');
    const stream = Readable.from(['in a stream, 1', 'in a stream, 2']);
    stream.on('data', (who: string) => this.tasks.addTask(run, who));
    await once(stream, 'end');
    process.nextTick(() => queueMicrotask(() => this.tasks.addTask(run, 'in a microtask')));
    await new Promise(setImmediate);
  }
}

@Injectable()
class Room {
  constructor(private readonly shelf: Shelf) {}

  async take(): Promise<void> {
    await this.shelf.take();
  }
}

@Injectable()
class Warehouse {
  constructor(private readonly room: Room) {}

  async take(): Promise<void> {
    await this.room.take();
  }
}

@Controller()
class WarehouseController extends WithTasks {
  @Inject() private readonly warehouse!: Warehouse;

  @Get()
  @UseGuards(Guard)
  @UseInterceptors(Interceptor)
  async get(@Query('q', Pipe) _q: string, @RawResponse() response: ServerResponse) {
    response.once('finish', () => run('finish'));
    await this.warehouse.take();
    this.tasks.addTask(run, 'handler');
    return this.tasks.tasks.length;
  }
}

function withMiddleware(...middleware: Type<NestMiddleware>[]): DynamicModule {
  class Layers implements NestModule {
    configure(consumer: MiddlewareConsumer) {
      consumer.apply(...middleware).forRoutes('{*path}');
    }
  }
  return { module: Layers };
}

test('everything that injects the tasks adds to one collection, and its tasks run in that order', async () => {
  const { url, runner } = await startApp({
    imports: [withMiddleware(Middleware)],
    controllers: [WarehouseController],
    providers: [Warehouse, Room, Shelf],
  });
  const duringRequest = [
    'middleware',
    'guard',
    'interceptor',
    'pipe',
    'service',
    'after an await',
    'in a timer',
    'in a listener',
    'in a stream, 1',
    'in a stream, 2',
    'in a microtask',
    'handler',
  ];
  const all = [...duringRequest, 'interceptor, afterwards'];
  const get = async () => (await fetch(url)).json();

  expect(await get()).toBe(duringRequest.length);
  await runner.drain();
  expect(events).toEqual(['finish', ...all]);
  const everyone = { Middleware: 1, Guard: 1, Interceptor: 1, Pipe: 1, Shelf: 1, WarehouseController: 1 };
  expect(made).toEqual(everyone);

  events = [];
  const counts = await Promise.all(Array.from({ length: 10 }, get));
  expect(counts).toEqual(Array(10).fill(duringRequest.length));
  await runner.drain();
  for (const who of ['finish', ...all]) {
    expect(events.filter((it) => it === who)).toHaveLength(10);
  }
  expect(Object.values(made)).toEqual(Array(6).fill(scope === Scope.DEFAULT ? 1 : 11));
});

/** Finds the tasks of a request for an object that exists once. With `Scope.REQUEST`, Nest resolves them. */
type TasksOf = (request: unknown) => BackgroundTasks | Promise<BackgroundTasks>;

function askNest(nest: ModuleRef | INestApplication): TasksOf {
  return scope === Scope.DEFAULT
    ? () => nest.get(BackgroundTasks, { strict: false })
    : (request) => {
        const contextId = ContextIdFactory.create();
        nest.registerRequestByContextId(request, contextId);
        return nest.resolve(BackgroundTasks, contextId, { strict: false });
      };
}

type Next = (error?: unknown) => void;

const middlewareWith = (tasksOf: TasksOf) => async (request: IncomingMessage, _response: unknown, next: Next) => {
  (await tasksOf(request)).with({ runOn: 'always' }).addTask(run, 'app.use');
  next();
};

test('functional middleware adds to it too', async () => {
  const { url, runner } = await startApp(
    {
      imports: [withMiddleware(Middleware)],
      controllers: [WarehouseController],
      providers: [Warehouse, Room, Shelf],
    },
    {},
    (app) => app.use(middlewareWith(askNest(app))),
  );
  await fetch(url);
  await runner.drain();
  expect(events.slice(0, 4)).toEqual(['finish', 'app.use', 'middleware', 'guard']);
});

type Verified = (error: unknown, user?: object | false) => void;

/** Like a strategy of passport: it knows no promises, and hears of each outcome by a call. */
class BearerStrategy {
  declare success: (user: object) => void;
  declare fail: () => void;
  declare error: (error: unknown) => void;

  constructor(private readonly verify: (request: IncomingMessage, token: string, done: Verified) => void) {}

  authenticate(request: IncomingMessage): void {
    const [, token = ''] = (request.headers.authorization ?? '').split(' ');
    this.verify(request, token, (error, user) => (error ? this.error(error) : user ? this.success(user) : this.fail()));
  }
}

/** Like passport: each strategy is made once, and each request gets an object that inherits from it. */
class Passport {
  readonly #strategies = new Map<string, BearerStrategy>();

  use(name: string, strategy: BearerStrategy): void {
    this.#strategies.set(name, strategy);
  }

  authenticate(name: string, done: Verified): (request: IncomingMessage, next: Next) => void {
    return (request, next) => {
      const prototype = this.#strategies.get(name);
      if (!prototype) {
        next(new Error(`Unknown authentication strategy "${name}"`));
        return;
      }
      const strategy = Object.create(prototype) as BearerStrategy;
      strategy.success = (user) => done(null, user);
      strategy.fail = () => done(null, false);
      strategy.error = next;
      strategy.authenticate(request);
    };
  }
}

/** Like a strategy of `@nestjs/passport`: the callback calls `validate`. */
@Injectable()
abstract class TokenStrategy extends BearerStrategy {
  readonly #tasksOf: TasksOf;

  constructor(passport: Passport, tasksOf: TasksOf) {
    super(async (request, token, done) => {
      try {
        done(null, await this.#validate(request, token));
      } catch (error) {
        done(error);
      }
    });
    this.#tasksOf = tasksOf;
    passport.use('bearer', this);
  }

  async #validate(request: IncomingMessage, token: string): Promise<object | false> {
    const tasks = await this.#tasksOf(request);
    await new Promise((resolve) => setTimeout(resolve, 1));
    tasks.addTask(run, `strategy, ${token}`);
    tasks.with({ runOn: 'failure' }).addTask(run, `strategy, refused ${token}`);
    return token === 'good' && { name: 'Ada' };
  }
}

@Injectable()
class InjectedStrategy extends TokenStrategy {
  constructor(passport: Passport, tasks: BackgroundTasks) {
    super(passport, () => tasks);
  }
}

@Injectable()
class AskingStrategy extends TokenStrategy {
  constructor(passport: Passport, moduleRef: ModuleRef) {
    super(passport, askNest(moduleRef));
  }
}

@Injectable()
class AuthGuard implements CanActivate {
  constructor(private readonly passport: Passport) {}

  canActivate(context: ExecutionContext): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const authenticate = this.passport.authenticate('bearer', (_error, user) =>
        user ? resolve(true) : reject(new UnauthorizedException()),
      );
      authenticate(context.switchToHttp().getRequest<IncomingMessage>(), reject);
    });
  }
}

@Controller()
@UseGuards(AuthGuard)
class PrivateController {
  @Get()
  get(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(run, 'handler');
    return tasks.tasks.length;
  }
}

test('a strategy that exists once, and that a guard calls, adds to it too', async () => {
  const { url, runner } = await startApp({
    controllers: [PrivateController],
    providers: [Passport, scope === Scope.DEFAULT ? InjectedStrategy : AskingStrategy],
  });
  const get = (token: string) => fetch(url, { headers: { Authorization: `Bearer ${token}` } });
  expect(await (await get('good')).json()).toBe(3);
  await runner.drain();
  expect(events).toEqual(['strategy, good', 'handler']);

  events = [];
  expect((await get('bad')).status).toBe(401);
  await runner.drain();
  expect(events).toEqual(['strategy, refused bad']);

  const counts = await Promise.all(Array.from({ length: 10 }, async () => (await get('good')).json()));
  expect(counts).toEqual(Array(10).fill(3));
});

function addInFilter(tasks: BackgroundTasks): void {
  tasks.addTask(run, 'filter, default');
  tasks.with({ runOn: 'failure' }).addTask(run, 'filter, failure');
  tasks.with({ runOn: 'always' }).addTask(run, 'filter, always');
}

function answer(adapter: HttpServer, error: HttpException, host: ArgumentsHost): void {
  adapter.reply(host.switchToHttp().getResponse(), 'filtered', error.getStatus());
}

@Catch(HttpException)
@Injectable({ scope })
class InjectedFilter implements ExceptionFilter {
  constructor(
    private readonly tasks: BackgroundTasks,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  catch(error: HttpException, host: ArgumentsHost): void {
    addInFilter(this.tasks);
    answer(this.adapterHost.httpAdapter, error, host);
  }
}

@Catch(HttpException)
class AskingFilter implements ExceptionFilter {
  constructor(
    private readonly adapter: HttpServer,
    private readonly tasksOf: TasksOf,
  ) {}

  async catch(error: HttpException, host: ArgumentsHost): Promise<void> {
    addInFilter(await this.tasksOf(host.switchToHttp().getRequest()));
    answer(this.adapter, error, host);
  }
}

@Injectable()
class RefusingGuard implements CanActivate {
  canActivate(): boolean {
    return false;
  }
}

@Injectable()
class ThrowingInterceptor implements NestInterceptor {
  intercept(): never {
    throw new ImATeapotException();
  }
}

@Injectable()
class ThrowingMiddleware implements NestMiddleware {
  use({ originalUrl }: { originalUrl: string }, _response: unknown, next: Next): void {
    if (originalUrl === '/middleware') {
      throw new ImATeapotException();
    }
    next();
  }
}

@Controller()
class ErrorsController {
  @Get('guard')
  @UseGuards(RefusingGuard)
  guard() {}

  @Get('pipe/:id')
  pipe(@Param('id', ParseIntPipe) _id: number) {}

  @Get('interceptor')
  @UseInterceptors(ThrowingInterceptor)
  interceptor() {}

  @Get('handler')
  async handler() {
    await new Promise(setImmediate);
    throw new ImATeapotException();
  }
}

@Controller()
@UseFilters(InjectedFilter)
class FilteredController extends ErrorsController {}

const inRoutes = [
  ['guard', 403],
  ['pipe/x', 400],
  ['interceptor', 418],
  ['handler', 418],
] as const;

const elsewhere = [
  ['middleware', 418],
  ['nowhere', 404],
] as const;

const everywhere = [...inRoutes, ...elsewhere];

test.each([
  {
    how: 'by @UseFilters',
    metadata: { controllers: [FilteredController] },
    catches: inRoutes,
  },
  {
    how: 'by APP_FILTER',
    metadata: { controllers: [ErrorsController], providers: [{ provide: APP_FILTER, useClass: InjectedFilter }] },
    // Outside of routes, Nest doesn't call a request-scoped filter.
    catches: scope === Scope.DEFAULT ? everywhere : inRoutes,
  },
  {
    how: 'by app.useGlobalFilters',
    metadata: { controllers: [ErrorsController] },
    configure: (app: INestApplication) => app.useGlobalFilters(new AskingFilter(app.getHttpAdapter(), askNest(app))),
    catches: everywhere,
  },
])('a filter registered $how adds to it too', async ({ metadata, configure, catches }) => {
  const { url, runner } = await startApp({ imports: [withMiddleware(ThrowingMiddleware)], ...metadata }, {}, (app) => {
    app.use((_request: unknown, response: ServerResponse, next: Next) => {
      response.once('finish', () => run('finish'));
      next();
    });
    app.use(middlewareWith(askNest(app)));
    configure?.(app);
  });
  for (const [path, status] of everywhere) {
    events = [];
    expect((await fetch(`${url}/${path}`)).status, path).toBe(status);
    await runner.drain();
    const ofFilter = catches.some(([caught]) => caught === path) ? ['filter, failure', 'filter, always'] : [];
    expect(events, path).toEqual(['finish', 'app.use', ...ofFilter]);
  }
});
