import { EventEmitter, once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  HttpCode,
  Injectable,
  Post,
  UnauthorizedException,
} from '@nestjs/common';
import type { Page } from 'playwright-core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type BackgroundTasks, currentTask, Task, Tasks } from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { BackgroundTasksDashboardModule } from 'nestjs-background-tasks/dashboard';
import { type DashboardOptions, platforms, startDashboard } from '../dashboard/start-dashboard.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { executable, usePage } from './harness.ts';

const storeNamed = (name: string) => stores.find((it) => it.name === name)?.connection;
/** Each platform with tasks in memory, and with one of the servers. */
const places = [
  { platform: 'Express', store: 'memory', connection: undefined },
  { platform: 'Fastify', store: 'memory', connection: undefined },
  { platform: 'Express', store: 'Redis', connection: storeNamed('Redis') },
  { platform: 'Fastify', store: 'Postgres', connection: storeNamed('Postgres') },
] as const;

/** Two tasks that the test leads, and the requests that add them. */
function shopOf(queue?: string) {
  const steps = new EventEmitter();
  const bank = { isAway: true };
  const cancelled: string[] = [];
  const place = queue === undefined ? {} : { queue };
  const onLeapDays = queue === undefined ? {} : { queue, repeat: { pattern: '0 3 29 2 *' } };

  @Injectable()
  class Stock {
    /** Goes on when the test says so. */
    @Task(place)
    async import(): Promise<void> {
      const { id, signal, updateProgress } = currentTask()!;
      signal.addEventListener('abort', () => cancelled.push(id));
      for (const done of [1, 3]) {
        updateProgress({ done, total: 4 });
        await once(steps, 'go', { signal });
      }
    }

    @Task({ ...place, attempts: 2, backoff: { type: 'fixed', delay: 10 } })
    pay(): void {
      if (bank.isAway) {
        throw new RangeError('The bank is away');
      }
    }

    @Task(onLeapDays)
    count(): void {}
  }

  @Controller()
  class Shop {
    constructor(private readonly stock: Stock) {}

    @Post('imports')
    @HttpCode(202)
    import(@Tasks() tasks: BackgroundTasks) {
      return { id: tasks.addTask(this.stock, 'import').id };
    }

    @Post('orders/:id')
    @HttpCode(202)
    order(@Tasks() tasks: BackgroundTasks) {
      return { id: tasks.addTask(this.stock, 'pay').id };
    }
  }

  return {
    controllers: [Shop],
    providers: [Stock],
    cancelled,
    goOn: () => steps.emit('go'),
    openBank: () => (bank.isAway = false),
  };
}

const isLive = (page: Page) => page.locator('.connection.is-live').waitFor();
const rowOf = (page: Page, id: string) => page.locator(`.list-body [data-id="${id}"]`);

describe.skipIf(executable === undefined)('the page of a real server', () => {
  const { open, expectFaults, folder } = usePage();
  const start = (options: DashboardOptions) => startDashboard({ page: folder(), ...options });

  describe.each(places.filter(({ store, connection }) => store === 'memory' || connection !== undefined))(
    'on $platform with tasks in $store',
    ({ platform, connection }) => {
      test(
        'shows tasks when they are added, their progress and their errors, and acts on them',
        { timeout: 120_000 },
        async () => {
          const queue = connection && 'stock';
          const { controllers, providers, cancelled, goOn, openBank } = shopOf(queue);
          const imports = connection ? [BullMqTasksModule.forRoot({ connection, prefix: ownPrefix() })] : [];
          const { path, url, runner } = await start({ platform, metadata: { imports, controllers, providers } });
          const request = async (at: string) => {
            const response = await fetch(`${url}${at}`, { method: 'POST' });
            expect(response.status).toBe(202);
            return ((await response.json()) as { id: string }).id;
          };
          const page = await open(`${path}/tasks`);
          if (queue === undefined) {
            await page.getByText('No task has been added yet').waitFor();
          }
          await isLive(page);

          const id = await request('/imports');
          await rowOf(page, id).getByText('Running').waitFor();
          await rowOf(page, id).getByText('1 of 4').waitFor();
          goOn();
          await rowOf(page, id).getByText('3 of 4').waitFor();

          await rowOf(page, id).getByRole('link', { name: 'Stock.import' }).click();
          await page.getByRole('heading', { level: 1, name: 'Stock.import' }).waitFor();
          await page.getByRole('region', { name: 'Facts' }).getByText('POST /imports').waitFor();
          expect(await page.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('75');
          await page.getByRole('button', { name: 'Cancel' }).click();
          await page.getByRole('button', { name: 'Cancel 1 task' }).click();
          await page.getByText('Stock.import is cancelled.').waitFor();
          await page.locator('.task-id').getByText('Cancelled').waitFor();
          await expect.poll(() => cancelled).toEqual([id]);

          await page.getByRole('link', { name: 'Tasks', exact: true }).first().click();
          const payment = await request('/orders/17');
          await rowOf(page, payment).getByText('RangeError: The bank is away').waitFor();
          await rowOf(page, payment).getByText('Failed').waitFor();
          await rowOf(page, payment).getByRole('link').click();
          await page.getByText('Attempt 1 failed').waitFor();
          await page.getByText('Attempt 2 failed').waitFor();
          // A queue doesn't keep when the first attempt ended.
          expect(await page.locator('.strip-part').count()).toBe(queue === undefined ? 2 : 0);
          await page.getByRole('region', { name: 'Facts' }).getByText('POST /orders/:id').waitFor();
          openBank();
          if (queue === undefined) {
            // A task without a queue has gone with its arguments.
            expect(await page.getByRole('button', { name: 'Retry' }).count()).toBe(0);
          } else {
            await page.getByRole('button', { name: 'Retry' }).click();
            await page.getByRole('button', { name: 'Retry 1 task' }).click();
            await page.getByText('Stock.pay will run again.').waitFor();
            await page.locator('.task-id').getByText('Completed').waitFor();
            await page.getByRole('link', { name: 'Queues' }).click();
            await page.getByRole('button', { name: 'Pause stock' }).click();
            await page.getByRole('button', { name: 'Resume stock' }).waitFor();
            await page.getByRole('link', { name: 'Tasks', exact: true }).click();
            const waiting = await request('/orders/18');
            await rowOf(page, waiting).getByText('Pending').waitFor();
            await page.getByRole('link', { name: 'Queues' }).click();
            await page.getByRole('button', { name: 'Resume stock' }).click();
            await page.getByRole('link', { name: 'Tasks', exact: true }).click();
            await rowOf(page, waiting).getByText('Completed').waitFor();
            await page.getByRole('link', { name: 'Schedules' }).click();
            await page.getByRole('row', { name: 'Stock.count' }).getByText('0 3 29 2 *').waitFor();
            await page
              .getByRole('row', { name: 'Stock.count' })
              .getByText(/^in \d/)
              .waitFor();
          }
          await runner.drain();
        },
      );
    },
  );

  describe.each(platforms)('on %s', (platform) => {
    test('each view has a URL, which is the same after a reload, and for a colleague', async () => {
      const { path, runner } = await start({ platform });
      runner.with({ name: 'Mailer.sendWelcome' }).start(() => undefined);
      const failed = runner.with({ name: 'Mailer.sendReceipt' }).start(() => Promise.reject(new Error('no mailbox')));
      runner.with({ name: 'Stock.import' }).start(() => undefined);
      await runner.drain();

      const page = await open(path);
      await page.locator('.names-table').getByText('Mailer.sendReceipt').waitFor();
      await page.getByRole('link', { name: 'Tasks', exact: true }).click();
      const names = (it: Page) => it.locator('.list-body .cell-name').allTextContents();
      await page.getByRole('searchbox').fill('MAILER');
      await expect.poll(() => names(page)).toEqual(['Mailer.sendReceipt', 'Mailer.sendWelcome']);
      await page.getByRole('button', { name: 'Failed' }).click();
      await expect.poll(() => names(page)).toEqual(['Mailer.sendReceipt']);
      expect(page.url()).toBe(`${path}/tasks?search=MAILER&status=failed`);

      await page.reload();
      await expect.poll(() => names(page)).toEqual(['Mailer.sendReceipt']);
      expect(await page.getByRole('searchbox').inputValue()).toBe('MAILER');
      await page.goBack();
      await expect.poll(() => names(page)).toEqual(['Mailer.sendReceipt', 'Mailer.sendWelcome']);

      const colleague = await open(`${path}/tasks/${failed.id}`);
      await colleague.getByRole('region', { name: 'Error' }).getByText('no mailbox').waitFor();
      for (const [at, title] of [
        ['queues', 'Queues'],
        ['schedules', 'Schedules'],
      ] as const) {
        await colleague.goto(`${path}/${at}`);
        await colleague.getByRole('heading', { level: 1, name: title }).waitFor();
        await isLive(colleague);
      }
    });

    test('connects again when the server has restarted, and shows the tasks of the new process', async () => {
      expectFaults(/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/);
      const first = await start({ platform });
      await first.runner.start(function before() {}).settled();
      const page = await open(`${first.path}/tasks`);
      await page.getByRole('link', { name: 'before' }).waitFor();
      await isLive(page);
      const closed = first.app.close();
      await page.getByText('Reconnecting').waitFor();
      const server = first.app.getHttpServer() as Server;
      await expect.poll(() => server.listening).toBe(false);
      // A slow browser opens a spare connection, and Node waits for one without a request.
      server.closeAllConnections();
      await closed;

      const after = await start({ platform, port: first.port });
      await after.runner.start(function restarted() {}).settled();
      await isLive(page);
      await page.getByRole('link', { name: 'restarted' }).waitFor();
      await expect.poll(() => page.getByRole('link', { name: 'before' }).count()).toBe(0);
      const live = after.runner.start(function live() {});
      await rowOf(page, live.id).getByText('Completed').waitFor();
    });

    test('without the consent of a guard there is no page, no file, no stream and no action', async () => {
      // A browser asks for an icon where an answer names none.
      expectFaults(/401|404/);
      class SessionGuard implements CanActivate {
        canActivate(context: ExecutionContext): boolean {
          const { headers } = context.switchToHttp().getRequest<{ headers: { cookie?: string } }>();
          if (headers.cookie !== 'session=ada') {
            throw new UnauthorizedException();
          }
          return true;
        }
      }
      const dashboard = BackgroundTasksDashboardModule.forRoot({ guards: [SessionGuard] });
      const { path, url, runner } = await start({ platform, dashboard });
      const task = runner.with({ delay: 600_000 }).start(function waits() {});
      const page = await open(path);
      expect(await page.locator('body').textContent()).toContain('Unauthorized');

      await page.context().addCookies([{ name: 'session', value: 'ada', url }]);
      await page.goto(`${path}/tasks/${task.id}`);
      await isLive(page);
      const files = await page.evaluate<string[]>(
        "[...document.querySelectorAll('script[src], link[rel=stylesheet]')].map((it) => it.src || it.href)",
      );
      expect(files.length).toBeGreaterThan(1);

      await page.context().clearCookies();
      await page.getByRole('button', { name: 'Cancel' }).click();
      await page.getByRole('button', { name: 'Cancel 1 task' }).click();
      await page.getByText('1 task could not be cancelled: You are not signed in.').waitFor();
      expect(task.status).toBe('pending');
      const addresses = [path, ...files, `${path}/api/overview`, `${path}/api/tasks`, `${path}/api/events`];
      const statuses = await page.evaluate<number[]>(
        `Promise.all(${JSON.stringify(addresses)}.map(async (it) => (await fetch(it, { cache: 'no-store' })).status))`,
      );
      expect(statuses).toEqual(addresses.map(() => 401));
      await page.reload();
      expect(await page.locator('body').textContent()).toContain('Unauthorized');
    });

    test('a page of another origin can neither act nor frame the dashboard', async () => {
      // The 404 is that of an icon, as above.
      expectFaults(/403|404|ERR_BLOCKED_BY_RESPONSE|frame-ancestors|Refused to|Framing|policy: /);
      const { path, runner } = await start({ platform });
      const task = runner.with({ delay: 600_000 }).start(function waits() {});
      const evil = createServer((_request, response) => {
        response.setHeader('content-type', 'text/html');
        response.end(`<form method="post" enctype="text/plain" action="${path}/api/tasks/${task.id}/cancel"></form>`);
      });
      evil.listen(0, '127.0.0.1');
      await once(evil, 'listening');
      onTestFinished(() => void evil.close());
      const { port } = evil.address() as AddressInfo;
      // The name is another site; the address is another origin of the same site.
      for (const host of ['localhost', '127.0.0.1']) {
        const page = await open('about:blank');
        await page.goto(`http://${host}:${port}`);
        const cancel = `${path}/api/tasks/${task.id}/cancel`;
        // The browser keeps the answer from the page: Cross-Origin-Resource-Policy.
        const blocked = page.waitForEvent('requestfailed', (request) => request.url() === cancel);
        await page.evaluate(
          `void fetch('${cancel}', { method: 'POST', mode: 'no-cors', credentials: 'include' }).catch(() => 0)`,
        );
        expect((await blocked).failure()?.errorText).toContain('ERR_BLOCKED_BY_RESPONSE');
        await page.evaluate(
          `document.body.append(Object.assign(document.createElement('iframe'), { src: '${path}/tasks' }))`,
        );
        await expect.poll(() => page.frames().at(-1)!.url()).toMatch(/^chrome-error:/);
        const submitted = page.waitForResponse(cancel);
        await page.evaluate('document.forms[0].submit()');
        expect((await submitted).status()).toBe(403);
        await page.getByText('CROSS_ORIGIN').waitFor();
      }
      expect(task.status).toBe('pending');
    });

    test('for whom canAct refuses, it is read-only, and the server says no to what a page sends nevertheless', async () => {
      expectFaults(/403/);
      const dashboard = BackgroundTasksDashboardModule.forRoot({ guards: 'open', canAct: () => false });
      const { path, runner } = await start({ platform, dashboard });
      const task = runner.with({ delay: 600_000 }).start(function waits() {});
      const page = await open(`${path}/tasks`);
      await page.getByText('Read-only').waitFor();
      await rowOf(page, task.id).waitFor();
      expect(await page.getByRole('checkbox').count()).toBe(0);
      await page.goto(`${path}/tasks/${task.id}`);
      await page.getByText("you can't cancel or retry").waitFor();
      expect(await page.getByRole('button', { name: 'Cancel' }).count()).toBe(0);
      const status = await page.evaluate<number>(
        `fetch('${path}/api/tasks/${task.id}/cancel', { method: 'POST' }).then((it) => it.status)`,
      );
      expect(status).toBe(403);
      expect(task.status).toBe('pending');
    });
  });
});

stopStores();
