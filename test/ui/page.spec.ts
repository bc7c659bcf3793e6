import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { World } from '../../ui/mock/world.ts';
import { executable, usePage } from './harness.ts';

const views = ['/', '/tasks', '/queues', '/schedules'];
const axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const heading = (page: Page) => page.getByRole('heading', { level: 1 }).textContent();

/** What axe finds that is serious or worse. */
async function seriousFaults(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  const results = await page.evaluate<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }>(
    'axe.run()',
  );
  return results.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
}

describe.skipIf(executable === undefined)('the page', () => {
  const { serve, open, expectFaults, folder } = usePage();

  /** A shop with each kind of task. @returns its server and the paths of all views */
  async function shop() {
    const world = new World({ tasks: 3_000 });
    world.paused.add('webhooks');
    const failed = world.tasks.findLast((it) => it.status === 'failed' && it.attempts > 1)!;
    const running = world.tasks.findLast((it) => it.status === 'running' && it.progress !== undefined)!;
    const { server } = await serve({ world });
    return { server, world, paths: [...views, `/tasks/${failed.id}`, `/tasks/${running.id}`, '/nowhere'] };
  }

  // Axe takes its time.
  test.for(['light', 'dark'] as const)(
    'axe finds nothing serious in %s colours',
    { timeout: 180_000 },
    async (colorScheme) => {
      const { server, paths } = await shop();
      const page = await open(server.url, { colorScheme, reducedMotion: 'reduce' });
      for (const path of paths) {
        await page.goto(server.url + path);
        await page.locator('.connection.is-live').waitFor();
        await page.locator('main h1, main .empty').first().waitFor();
        expect(await seriousFaults(page), path).toEqual([]);
      }
      await page.goto(`${server.url}/tasks`);
      await page.getByRole('checkbox').first().click();
      await page.keyboard.press('j');
      expect(await seriousFaults(page), 'with a selected task').toEqual([]);
      await page.keyboard.press('?');
      await page.getByRole('dialog', { name: 'Keys' }).waitFor();
      expect(await seriousFaults(page), 'the keys').toEqual([]);
    },
  );

  test.for([360, 768, 1280])('nothing is wider than a page of %d px', { timeout: 90_000 }, async (width) => {
    const { server, world, paths } = await shop();
    const name = 'ANameWithoutAnyPlaceToBreak'.repeat(8);
    const { id } = world.add({
      name,
      queue: name,
      route: `POST /${name}`,
      status: 'running',
      progress: { step: name },
    });
    world.change(id, { startedAt: new Date(Date.now() - 5_000).toISOString() });
    const failed = world.add({ name, route: `POST /${name}` });
    world.settle(failed.id, 'failed', { name, message: name.repeat(20), cause: { name, message: name } });
    world.schedules.push({ name, queue: name, pattern: '0 3 * * *', tz: name, next: new Date().toISOString() });
    const page = await open(server.url, { viewport: { width, height: 740 } });
    for (const path of [...paths, `/tasks/${id}`, `/tasks/${failed.id}`, `/tasks?name=${name}`]) {
      await page.goto(server.url + path);
      await page.locator('main h1, main .empty').first().waitFor();
      await page.locator('.connection.is-live').waitFor();
      const wider = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
      expect(await page.evaluate(wider), path.slice(0, 40)).toBe(0);
    }
  });

  test('the page is small', async () => {
    const assets = join(folder(), 'assets');
    const contents = await Promise.all((await readdir(assets)).map((it) => readFile(join(assets, it))));
    const size = contents.reduce((sum, it) => sum + gzipSync(it).length, 0);
    // About 10 % above its size. Charts take 22 kB of it.
    expect(size).toBeLessThan(66_000);
    expect(size).toBeGreaterThan(30_000);
  });

  test('keys go to the views, search, move, open, select and act', async () => {
    const { server, world } = await serve();
    const [older, newer] = ['Older.run', 'Newer.run'].map((name) => world.add({ name }));
    world.settle(older!.id, 'failed', { name: 'Error', message: 'no' });
    const page = await open(server.url);
    await page.locator('.connection.is-live').waitFor();
    for (const [key, text] of [
      ['q', 'Queues'],
      ['s', 'Schedules'],
      ['o', 'Overview'],
      ['t', 'Tasks'],
    ] as const) {
      await page.keyboard.press('g');
      await page.keyboard.press(key);
      await expect.poll(() => heading(page)).toBe(text);
    }
    await page.locator(`[data-id="${newer!.id}"]`).waitFor();

    await page.keyboard.press('/');
    await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('search');
    await page.keyboard.type('run');
    await expect.poll(() => new URL(page.url()).search).toBe('?search=run');
    await page.keyboard.press('Escape');
    await page.locator(`[data-id="${newer!.id}"]`).waitFor();

    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.locator(`.is-current[data-id="${older!.id}"]`).waitFor();
    await page.keyboard.press('k');
    await page.locator(`.is-current[data-id="${newer!.id}"]`).waitFor();
    await page.keyboard.press('x');
    await page.getByText('1 task selected').waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByText('1 task selected').count()).toBe(0);

    await page.keyboard.press('j');
    await page.keyboard.press('c');
    await page.getByRole('dialog', { name: 'Cancel Newer.run?' }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByText('Newer.run is cancelled.').waitFor();
    expect(world.get(newer!.id)!.status).toBe('cancelled');

    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await expect.poll(() => heading(page)).toBe('Older.run');
    await page.keyboard.press('r');
    await page.getByRole('dialog', { name: 'Retry Older.run?' }).waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0);
    expect(world.get(older!.id)!.status).toBe('failed');

    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
  });

  test('connects again after the server restarted, and reloads what it shows', async () => {
    expectFaults(/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/);
    const { server, world } = await serve();
    world.add({ name: 'Before.run' });
    const page = await open(`${server.url}/tasks`);
    await page.getByText('Before.run').waitFor();
    await page.locator('.connection.is-live').waitFor();
    await server.stop();
    await page.getByText('Reconnecting').waitFor();
    world.add({ name: 'Meanwhile.run' });
    await server.start();
    await page.locator('.connection.is-live').waitFor();
    await page.getByText('Meanwhile.run').waitFor();
  });

  test('connects again after the server answered with an error', async () => {
    expectFaults(/503/);
    const { server } = await serve();
    let isBroken = true;
    const page = await open('about:blank');
    await page.route('**/api/events', (route) =>
      isBroken ? route.fulfill({ status: 503, body: '' }) : route.continue(),
    );
    const refused = page.waitForResponse((it) => it.status() === 503);
    await page.goto(server.url);
    await refused;
    isBroken = false;
    await page.locator('.connection.is-live').waitFor();
  });

  test('says that the session is over', async () => {
    expectFaults(/401/);
    const { server } = await serve();
    const page = await open('about:blank');
    await page.route('**/api/**', (route) => route.fulfill({ status: 401, json: { message: 'no' } }));
    await page.goto(server.url);
    await page.getByText('The server refuses this session').waitFor();
  });

  test('who may not act has no buttons to act with', async () => {
    const world = new World({ tasks: 300 });
    const failed = world.tasks.find((it) => it.status === 'failed')!;
    const { server } = await serve({ world, canAct: false });
    const page = await open(`${server.url}/tasks`);
    await page.getByText('Read-only').first().waitFor();
    await page.locator('.list-body .row[data-id]').first().waitFor();
    expect(await page.getByRole('checkbox').count()).toBe(0);
    await page.keyboard.press('j');
    await page.keyboard.press('c');
    await page.keyboard.press('r');
    expect(await page.getByRole('dialog').count()).toBe(0);

    await page.goto(`${server.url}/queues`);
    await page.getByText("you can't pause, resume or retry").waitFor();
    expect(await page.getByRole('button', { name: /Pause|Resume|Retry/ }).count()).toBe(0);

    await page.goto(`${server.url}/tasks/${failed.id}`);
    await page.getByText("you can't cancel or retry").waitFor();
    expect(await page.getByRole('button', { name: /Cancel|Retry/ }).count()).toBe(0);
  });

  test('pauses and resumes a queue', async () => {
    const { server, world } = await serve({ tasks: 200 });
    const page = await open(`${server.url}/queues`);
    await page.getByRole('button', { name: 'Pause mail' }).click();
    await page.getByRole('button', { name: 'Resume mail' }).waitFor();
    expect([...world.paused]).toEqual(['mail']);
    await page.getByRole('button', { name: 'Resume mail' }).click();
    await page.getByRole('button', { name: 'Pause mail' }).waitFor();
    expect([...world.paused]).toEqual([]);
  });

  test('the table of names sorts by any column, and keeps that in the URL', async () => {
    const { server } = await serve({ tasks: 5_000 });
    const page = await open(server.url);
    const first = page.locator('.names-table tbody th').first();
    await expect.poll(() => first.textContent()).toBe('Audit.record');
    await page.getByRole('button', { name: 'Run p95' }).click();
    await expect.poll(() => first.textContent()).toMatch(/Reports\.nightly|Stock\.import/);
    expect(new URL(page.url()).search).toBe('?sort=run.p95');
    await page.getByRole('button', { name: 'Run p95' }).click();
    await expect.poll(() => first.textContent()).toBe('Audit.record');
    expect(await page.locator('th[aria-sort="ascending"]').textContent()).toContain('Run p95');
  });

  test('a schedule without a next run is the last one', async () => {
    const { server, world } = await serve();
    const next = new Date(Date.now() + 3_600_000).toISOString();
    world.schedules.push({ name: 'Ended.run', queue: 'mail', every: 1_000 });
    world.schedules.push({ name: 'Audit.run', queue: 'mail', pattern: '0 3 * * *', next });
    const page = await open(`${server.url}/schedules`);
    await page.getByText('Ended.run').waitFor();
    expect(await page.locator('tbody th').allTextContents()).toEqual(['Audit.run', 'Ended.run']);
    expect(await page.getByRole('row', { name: 'Ended.run' }).getByRole('cell').first().textContent()).toBe('–');
    await page.locator('.connection.is-live').waitFor();
  });

  test('the choice of colours is kept', async () => {
    const { server } = await serve();
    const page = await open(server.url, { colorScheme: 'light' });
    const background = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const light = await background();
    await page.getByRole('button', { name: 'Colours: as the system' }).click();
    await page.getByRole('button', { name: 'Colours: light' }).click();
    await page.getByRole('button', { name: 'Colours: dark' }).waitFor();
    const dark = await background();
    expect(dark).not.toBe(light);
    await page.reload();
    await page.getByRole('button', { name: 'Colours: dark' }).waitFor();
    expect(await background()).toBe(dark);
  });

  test.for(['', '/admin/tasks'])('works below the path "%s"', async (base) => {
    const { server, world } = await serve({ base });
    world.add({ name: 'Mailer.sendWelcome' });
    const page = await open(`${server.url}/tasks`);
    await page.getByRole('link', { name: 'Mailer.sendWelcome' }).click();
    await expect.poll(() => heading(page)).toBe('Mailer.sendWelcome');
    expect(new URL(page.url()).pathname).toMatch(new RegExp(`^${base}/tasks/`));
    await page.getByRole('link', { name: 'Overview' }).click();
    await expect.poll(() => heading(page)).toBe('Overview');
    await page.reload();
    await expect.poll(() => heading(page)).toBe('Overview');
  });
});
