import type { ServerResponse } from 'node:http';
import {
  Controller,
  Get,
  Injectable,
  RequestMethod,
  Version,
  VERSION_NEUTRAL,
  VersioningType,
  type INestApplication,
  type MiddlewareConsumer,
  type NestMiddleware,
  type NestModule,
} from '@nestjs/common';
import { beforeEach, expect, test } from 'vitest';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';
import { startApp } from './fixtures/start-app.ts';

let ran: string[];
let isMiddlewareToFail: boolean;

beforeEach(() => {
  ran = [];
  isMiddlewareToFail = false;
});

const run = (who: string) => void ran.push(who);

function explode(): never {
  throw new Error('boom');
}

@Injectable()
class AddingMiddleware implements NestMiddleware {
  constructor(private readonly tasks: BackgroundTasks) {}

  use(_request: unknown, _response: unknown, next: () => void): void {
    const task = isMiddlewareToFail ? explode : () => run('middleware');
    this.tasks.with({ name: 'middleware', runOn: 'always', onFailure: 'continue' }).addTask(task);
    next();
  }
}

/** Answers itself, so that the URL stays without the path on which it is mounted, if the platform cuts that off. */
@Injectable()
class AnsweringMiddleware implements NestMiddleware {
  constructor(private readonly tasks: BackgroundTasks) {}

  use(_request: unknown, response: ServerResponse): void {
    this.tasks.with({ name: 'answering middleware' }).addTask(explode);
    response.end('hooked');
  }
}

@Controller({ path: 'cats', version: '1' })
class CatsController {
  constructor(private readonly tasks: BackgroundTasks) {}

  @Get()
  list(@Tasks() tasks: BackgroundTasks) {
    this.tasks.addTask(run, 'version 1');
    tasks.addTask(run, 'version 1, parameter');
    return 1;
  }

  @Get()
  @Version(['2', '3'])
  listNewer(@Tasks() tasks: BackgroundTasks) {
    this.tasks.addTask(run, 'version 2');
    tasks.addTask(run, 'version 2, parameter');
    return 2;
  }

  @Get('failing')
  fail() {
    this.tasks.addTask(explode);
  }
}

@Controller({ path: 'health', version: VERSION_NEUTRAL })
class HealthController {
  @Get()
  get(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(run, 'neutral');
    return 0;
  }
}

class Layers implements NestModule {
  configure(consumer: MiddlewareConsumer) {
    consumer.apply(AddingMiddleware).forRoutes(CatsController, HealthController);
    consumer.apply(AnsweringMiddleware).forRoutes('hooks');
  }
}

const start = (configure: (app: INestApplication) => void) =>
  startApp({ imports: [{ module: Layers }], controllers: [CatsController, HealthController] }, {}, configure);

const byUri = (app: INestApplication) => void app.enableVersioning({ type: VersioningType.URI });
const byHeader = (app: INestApplication) =>
  void app.enableVersioning({ type: VersioningType.HEADER, header: 'X-API-Version' });
const withPrefix = (app: INestApplication) =>
  void app.setGlobalPrefix('api', { exclude: [{ path: 'health', method: RequestMethod.GET }] });

interface Routing {
  name: string;
  configure: (app: INestApplication) => void;
  prefix: string;
  /** The path of the cats of a version. */
  cats: (version: string) => string;
  /** The tasks that run for an unknown version: those of middleware, if its path doesn't contain the version. */
  ofNone: string[];
}

const routings: Routing[] = [
  { name: 'versions by URI', configure: byUri, prefix: '', cats: (version) => `/v${version}/cats`, ofNone: [] },
  { name: 'versions by header', configure: byHeader, prefix: '', cats: () => '/cats', ofNone: ['middleware'] },
  {
    name: 'versions by URI and a global prefix',
    configure: (app) => (byUri(app), withPrefix(app)),
    prefix: '/api',
    cats: (version) => `/api/v${version}/cats`,
    ofNone: [],
  },
  {
    name: 'versions by header and a global prefix',
    configure: (app) => (byHeader(app), withPrefix(app)),
    prefix: '/api',
    cats: () => '/api/cats',
    ofNone: ['middleware'],
  },
];

test.each(routings)(
  '$name: each route’s tasks run, with those of its middleware',
  async ({ configure, cats, ofNone }) => {
    const { url, runner } = await start(configure);
    const ask = async (path: string, version = '1') => {
      ran = [];
      const response = await fetch(`${url}${path}`, { headers: { 'X-API-Version': version } });
      await runner.drain();
      return { status: response.status, body: await response.text(), ran };
    };
    const ofVersion = (version: string) => ['middleware', `version ${version}`, `version ${version}, parameter`];
    expect(await ask(cats('1'))).toEqual({ status: 200, body: '1', ran: ofVersion('1') });
    expect(await ask(cats('2'), '2')).toEqual({ status: 200, body: '2', ran: ofVersion('2') });
    expect(await ask(cats('3'), '3')).toEqual({ status: 200, body: '2', ran: ofVersion('2') });
    expect(await ask('/health')).toEqual({ status: 200, body: '0', ran: ['middleware', 'neutral'] });
    expect(await ask(cats('4'), '4')).toMatchObject({ status: 404, ran: ofNone });
  },
);

test.each(routings)(
  '$name: a task that fails is logged with the path that was asked for',
  async ({ configure, cats, prefix }) => {
    const { url, runner, log } = await start(configure);
    isMiddlewareToFail = true;
    const path = `${cats('1')}/failing`;
    await fetch(`${url}${path}?token=secret`, { headers: { 'X-API-Version': '1' } });
    await runner.drain();
    const hooks = `${prefix}/hooks`;
    expect(await (await fetch(`${url}${hooks}`)).text()).toBe('hooked');
    await runner.drain();
    expect(log.said('error').map(({ message }) => message)).toEqual([
      expect.stringMatching(`^Task "middleware" .* of GET ${path} failed$`),
      expect.stringMatching(`^Task "explode" .* of GET ${path} failed$`),
      expect.stringMatching(`^Task "answering middleware" .* of GET ${hooks} failed$`),
    ]);
  },
);
