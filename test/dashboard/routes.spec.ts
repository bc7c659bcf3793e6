import {
  type CanActivate,
  type ArgumentsHost,
  Catch,
  type CallHandler,
  ClassSerializerInterceptor,
  type ExceptionFilter,
  type ExecutionContext,
  Injectable,
  Module,
  type NestInterceptor,
  UnauthorizedException,
  ValidationPipe,
  VersioningType,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { map } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { currentTask } from 'nestjs-background-tasks';
import { BackgroundTasksDashboardModule } from 'nestjs-background-tasks/dashboard';
import { EventReader, openDashboard, ownPage, platforms, startDashboard } from './start-dashboard.ts';

const UNKNOWN = '5c9a6a4e-5d1e-4a0c-8a0e-000000000000';

@Injectable()
class Wrapping implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(map((data: unknown) => ({ wrapped: data })));
  }
}

@Catch()
class Teapot implements ExceptionFilter {
  catch(_error: unknown, host: ArgumentsHost): void {
    host
      .switchToHttp()
      .getResponse<{ status(code: number): { send(body: string): void } }>()
      .status(418)
      .send('teapot');
  }
}

describe.each(platforms)('on %s', (platform) => {
  test('the page is at the path and at each address of a view, with where it is', async () => {
    const { get } = await startDashboard({ platform });
    for (const at of ['', '/tasks', `/tasks/${UNKNOWN}`, '/queues?search=a', '/schedules', '/x/y/z']) {
      const response = await get(at);
      expect(response.status, at).toBe(200);
      expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
      const html = await response.text();
      expect(html).toContain('data-base="/background-tasks"');
      expect(html).toContain('src="/background-tasks/assets/page-1a2b3c.js"');
    }
  });

  // Fastify has such routes only with its option `ignoreTrailingSlash`.
  test.runIf(platform === 'Express')('so it is with a slash at the end', async () => {
    const { get } = await startDashboard({ platform });
    expect(await (await get('/')).text()).toContain('data-base="/background-tasks"');
  });

  test('no page may frame it, and it loads nothing from elsewhere', async () => {
    const { get } = await startDashboard({ platform });
    const { headers } = await get('/tasks');
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
        "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect((await get('/api/overview')).headers.get('cache-control')).toBe('no-store');
  });

  test('its files have their types, may be kept by the browser, and there are no others', async () => {
    const { get } = await startDashboard({ platform });
    const response = await get('/assets/page-1a2b3c.js');
    expect(response.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('private, max-age=31536000, immutable');
    expect(await response.text()).toContain('document.title');
    for (const at of [
      '/assets/other.js',
      '/assets/../index.html',
      '/assets/%2e%2e/index.html',
      '/assets/..%2findex.html',
    ]) {
      const other = await fetch(`${(await get('/x')).url.replace('/x', '')}${at}`);
      expect(await other.text(), at).not.toContain('{{base}}');
    }
    expect((await get('/assets/other.js')).status).toBe(404);
  });

  test('what is not there is a 404 in JSON', async () => {
    const { get, post } = await startDashboard({ platform });
    for (const at of ['/api', '/api/other', '/api/tasks/1', `/api/tasks/${UNKNOWN}`, '/api/tasks/__proto__']) {
      const response = await get(at);
      expect(response.status, at).toBe(404);
      expect(await response.json()).toMatchObject({ message: expect.any(String), code: 'NOT_FOUND' });
    }
    expect((await post('/api/tasks/1/cancel')).status).toBe(404);
  });

  test('behind a global prefix, in an application with versions', async () => {
    const { url } = await startDashboard({
      platform,
      configure: (app) => {
        app.setGlobalPrefix('api/v1');
        app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
      },
    });
    const page = await (await fetch(`${url}/api/v1/background-tasks/tasks/1`)).text();
    expect(page).toContain('data-base="/api/v1/background-tasks"');
    expect((await fetch(`${url}/api/v1/background-tasks/api/overview`)).status).toBe(200);
  });

  test('outside of a global prefix from which it is excluded', async () => {
    const { url } = await startDashboard({
      platform,
      configure: (app) => void app.setGlobalPrefix('api', { exclude: ['background-tasks{/*rest}'] }),
    });
    expect(await (await fetch(`${url}/background-tasks/tasks`)).text()).toContain('data-base="/background-tasks"');
    expect((await fetch(`${url}/background-tasks/api/tasks`)).status).toBe(200);
    expect((await fetch(`${url}/background-tasks/assets/page-1a2b3c.js`)).status).toBe(200);
    expect((await fetch(`${url}/api/background-tasks`)).status).toBe(404);
  });

  test('behind a proxy that removes a prefix, which no header can turn into another host', async () => {
    const { get } = await startDashboard({ platform });
    const baseFor = async (prefix: string) =>
      /data-base="(.*?)"/.exec(await (await get('/tasks', { 'x-forwarded-prefix': prefix })).text())![1];
    expect(await baseFor('/ops')).toBe('/ops/background-tasks');
    for (const wrong of ['//evil.test', 'https://evil.test', '/a"><script>', '/a//b', 'a']) {
      expect(await baseFor(wrong), wrong).toBe('/background-tasks');
    }
  });

  test('at another path', async () => {
    const dashboard = BackgroundTasksDashboardModule.forRoot({ path: '/ops/tasks/', guards: 'open', title: 'Ops' });
    const { url } = await startDashboard({ platform, dashboard });
    expect(await (await fetch(`${url}/ops/tasks/queues`)).text()).toContain('data-base="/ops/tasks"');
    const reader = await EventReader.connect(`${url}/ops/tasks/api/events`);
    await expect.poll(() => reader.events[0]?.data).toMatchObject({ title: 'Ops', canAct: false });
    expect((await fetch(`${url}/background-tasks`)).status).toBe(404);
  });

  test('what the application has for all of its routes changes nothing', async () => {
    const { get, json, post, path, runner } = await startDashboard({
      platform,
      configure: (app) => {
        app.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }));
        app.useGlobalInterceptors(new ClassSerializerInterceptor(app.get(Reflector)), new Wrapping());
        app.useGlobalFilters(new Teapot());
      },
    });
    const task = runner.start(function work() {});
    expect(await json('/api/tasks?search=work&limit=5')).toMatchObject({
      total: 1,
      offset: 0,
      tasks: [{ id: task.id }],
    });
    expect(await json('/api/overview')).toMatchObject({ stats: { pending: expect.any(Number) } });
    expect(await (await get('/tasks')).text()).toContain('<!doctype html>');
    expect((await get('/api/other')).status).toBe(404);
    expect((await post(`/api/tasks/${task.id}/retry`)).status).toBe(200);
    const reader = await EventReader.connect(`${path}/api/events`);
    await expect.poll(() => reader.updates.length).toBeGreaterThan(0);
  });

  test('its own requests are no tasks, and add none', async () => {
    const { get, json, post, runner } = await startDashboard({ platform });
    const steps: string[] = [];
    runner.events.subscribe(({ type }) => steps.push(type));
    await get('');
    await get('/api/overview');
    await post(`/api/tasks/${UNKNOWN}/cancel`);
    expect(await json('/api/tasks')).toEqual({ total: 0, offset: 0, tasks: [] });
    expect(steps).toEqual([]);
    expect(currentTask()).toBeUndefined();
  });

  test('it needs no parser of bodies', async () => {
    const { post } = await startDashboard({ platform, application: { bodyParser: false } });
    expect(await (await post('/api/tasks/retry', { queue: 'mail' })).json()).toMatchObject({ code: 'UNKNOWN_QUEUE' });
    expect(await (await post('/api/tasks/retry', {})).json()).toMatchObject({ code: 'BAD_REQUEST' });
  });

  test.each(['offset=x', 'limit=-1', 'status=lost', 'limit=1e3'])('a wrong parameter is a 400: %s', async (query) => {
    const { get } = await startDashboard({ platform });
    const response = await get(`/api/tasks?${query}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'BAD_REQUEST' });
  });

  describe('guards', () => {
    /** What `AdminGuard` injects. */
    @Injectable()
    class Sessions {
      isAdmin(token: unknown): boolean {
        return token === 'Bearer of-ada';
      }
    }

    @Module({ providers: [Sessions], exports: [Sessions] })
    class SessionsModule {}

    @Injectable()
    class AdminGuard implements CanActivate {
      constructor(private readonly sessions: Sessions) {}

      canActivate(context: ExecutionContext): boolean {
        const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, unknown> }>();
        if (!this.sessions.isAdmin(headers['authorization'])) {
          throw new UnauthorizedException();
        }
        return true;
      }
    }

    const guarded = BackgroundTasksDashboardModule.forRoot({ guards: [AdminGuard], imports: [SessionsModule] });
    const authorization = 'Bearer of-ada';

    test('protect the page, its files, its data, the stream and the actions', async () => {
      const { get, post, runner } = await startDashboard({ platform, dashboard: guarded });
      const task = runner.with({ delay: 60_000 }).start(function waits() {});
      const places = ['', '/tasks', '/assets/page-1a2b3c.js', '/assets/none.js', '/api/overview', '/api/tasks'];
      for (const at of [...places, `/api/tasks/${task.id}`, '/api/schedules', '/api/events', '/api/other']) {
        expect((await get(at)).status, at).toBe(401);
      }
      for (const at of [`/api/tasks/${task.id}/cancel`, '/api/tasks/retry', '/api/queues/mail/pause']) {
        expect((await post(at)).status, at).toBe(401);
      }
      expect(task.status).toBe('pending');
      expect((await get('/tasks', { authorization })).status).toBe(200);
      const allowed = await post(`/api/tasks/${task.id}/cancel`, {}, { ...ownPage, authorization });
      expect(await allowed.json()).toEqual({ done: true });
      expect(task.status).toBe('cancelled');
    });

    test('of the whole application protect it too', async () => {
      const { get } = await startDashboard({
        platform,
        configure: (app) => void app.useGlobalGuards({ canActivate: () => false }),
      });
      expect((await get('')).status).toBe(403);
      expect((await get('/api/tasks')).status).toBe(403);
    });
  });

  describe('actions', () => {
    test.each<[string, Record<string, string>, boolean]>([
      ['of the page', { 'sec-fetch-site': 'same-origin' }, true],
      ['of the page in a browser that says its origin alone', { origin: 'own' }, true],
      ['of another site', { 'sec-fetch-site': 'cross-site', origin: 'own' }, false],
      ['of another application of this site', { 'sec-fetch-site': 'same-site' }, false],
      ['typed by the user', { 'sec-fetch-site': 'none' }, false],
      ['of another origin', { origin: 'https://evil.test' }, false],
      ['of another port', { origin: 'http://127.0.0.1:1' }, false],
      ['of a name that begins alike', { origin: 'http://127.0.0.1.evil.test' }, false],
      ['of no origin', { origin: 'null' }, false],
      ['of another scheme', { origin: 'file://127.0.0.1' }, false],
      ['without a header', {}, false],
    ])('%s', async (_what, given, isAllowed) => {
      const { post, runner, url } = await startDashboard({ platform });
      const task = runner.with({ delay: 60_000 }).start(function waits() {});
      const headers = {
        'content-type': 'application/json',
        ...given,
        ...(given['origin'] === 'own' && { origin: url }),
      };
      const response = await post(`/api/tasks/${task.id}/cancel`, {}, headers);
      expect(response.status).toBe(isAllowed ? 200 : 403);
      expect(await response.json()).toMatchObject(isAllowed ? { done: true } : { code: 'CROSS_ORIGIN' });
      expect(task.status).toBe(isAllowed ? 'cancelled' : 'pending');
    });

    test('are for those whom canAct lets act, now or later', async () => {
      const dashboard = BackgroundTasksDashboardModule.forRoot({
        guards: 'open',
        canAct: async (request: { headers: Record<string, string> }) => request.headers['x-role'] === 'operator',
      });
      const { post, path, runner } = await startDashboard({ platform, dashboard });
      const task = runner.with({ delay: 60_000 }).start(function waits() {});
      const refused = await post(`/api/tasks/${task.id}/cancel`);
      expect(refused.status).toBe(403);
      expect(await refused.json()).toMatchObject({ code: 'READ_ONLY', message: expect.any(String) });
      const readers = [
        await EventReader.connect(`${path}/api/events`),
        await EventReader.connect(`${path}/api/events`, { 'x-role': 'operator' }),
      ];
      await expect.poll(() => readers.map(({ events }) => events[0]?.data['canAct'])).toEqual([false, true]);
      const done = await post(`/api/tasks/${task.id}/cancel`, {}, { ...ownPage, 'x-role': 'operator' });
      expect(await done.json()).toEqual({ done: true });
    });

    test.each([
      ['throws', () => Promise.reject(new Error('no session'))],
      ['returns something else', () => 'yes' as unknown as boolean],
    ])('are for nobody if canAct %s', async (_what, canAct) => {
      const { post, runner } = await startDashboard({
        platform,
        dashboard: BackgroundTasksDashboardModule.forRoot({ guards: 'open', canAct }),
      });
      const task = runner.with({ delay: 60_000 }).start(function waits() {});
      expect((await post(`/api/tasks/${task.id}/cancel`)).status).toBe(403);
      expect(task.status).toBe('pending');
    });

    test('are for nobody where everybody gets in and nothing says who may act', async () => {
      const dashboard = BackgroundTasksDashboardModule.forRoot({ guards: 'open' });
      const { post, runner } = await startDashboard({ platform, dashboard });
      const task = runner.with({ delay: 60_000 }).start(function waits() {});
      expect((await post(`/api/tasks/${task.id}/cancel`)).status).toBe(403);
    });

    test('of a task that is over, or unknown, do nothing', async () => {
      const { post, runner } = await startDashboard({ platform, dashboard: openDashboard() });
      const task = runner.start(function work() {});
      await task.settled();
      for (const action of ['cancel', 'retry']) {
        for (const id of [task.id, UNKNOWN]) {
          expect(await (await post(`/api/tasks/${id}/${action}`)).json()).toEqual({ done: false });
        }
      }
    });
  });
});
