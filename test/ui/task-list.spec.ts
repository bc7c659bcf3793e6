import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { executable, usePage } from './harness.ts';

const rows = (page: Page) => page.locator('.list-body .row[data-id]');
const names = (page: Page) => page.locator('.list-body .cell-name').allTextContents();
const elements = (page: Page) => page.evaluate<number>('document.querySelectorAll("*").length');
const scrollTo = (page: Page, top: number) =>
  page.evaluate(`document.querySelector('.list-scroller').scrollTop = ${top}`);
const isLive = (page: Page) => page.locator('.connection.is-live').waitFor();

describe.skipIf(executable === undefined)('the list of tasks', () => {
  const { serve, open } = usePage();

  test('shows a task when it is added, and its state when it changes', async () => {
    const { world, server } = await serve();
    const page = await open(`${server.url}/tasks`);
    await page.getByText('No task has been added yet').waitFor();
    await isLive(page);

    const { id } = world.add({ name: 'Mailer.sendWelcome' });
    server.send();
    await page.locator(`[data-id="${id}"]`).getByText('Pending').waitFor();

    world.change(id, { status: 'running', startedAt: new Date().toISOString() });
    server.send();
    await page.locator(`[data-id="${id}"]`).getByText('Running').waitFor();

    world.settle(id, 'failed', { name: 'MailerError', message: 'The mailbox is full' });
    server.send();
    await page.locator(`[data-id="${id}"]`).getByText('MailerError: The mailbox is full').waitFor();
  });

  test('new tasks move nothing while the reader is further down, and a button shows how many there are', async () => {
    const { world, server } = await serve({ tasks: 500 });
    const page = await open(`${server.url}/tasks`);
    await isLive(page);
    await rows(page).first().waitFor();
    await scrollTo(page, 3600);
    await page.locator('[aria-rowindex="112"][data-id]').waitFor();
    const before = await page.locator('[aria-rowindex="112"]').getAttribute('data-id');

    world.add({ name: 'New.one' });
    world.add({ name: 'New.two' });
    server.send();
    await page.getByRole('button', { name: '2 new' }).waitFor();
    expect(await page.locator('[aria-rowindex="112"]').getAttribute('data-id')).toBe(before);

    await page.getByRole('button', { name: '2 new' }).click();
    await page.locator('[aria-rowindex="2"]').getByText('New.two').waitFor();
    await page.locator('[aria-rowindex="3"]').getByText('New.one').waitFor();
    expect(await page.getByRole('button', { name: '2 new' }).count()).toBe(0);
  });

  test('rows that are loaded later still follow on those before, though tasks were added in between', async () => {
    const { world, server } = await serve({ tasks: 500 });
    const page = await open(`${server.url}/tasks`);
    await rows(page).first().waitFor();
    const expected = world.tasks[500 + 15 - 1 - 250]!.id;
    expect(world.tasks).toHaveLength(515);
    for (let number = 0; number < 30; number++) {
      world.add({ name: 'New.one' });
    }
    await scrollTo(page, 250 * 36);
    await page.locator('[aria-rowindex="252"][data-id]').waitFor();
    expect(await page.locator('[aria-rowindex="252"]').getAttribute('data-id')).toBe(expected);
  });

  test('searches by name, id and route, keeps the search in the URL, and goes back to the list before', async () => {
    const { world, server } = await serve();
    const first = world.add({ name: 'Mailer.sendWelcome', route: 'POST /users' });
    world.add({ name: 'Orders.archive', route: 'PUT /orders/:id' });
    const page = await open(`${server.url}/tasks`);
    await expect.poll(() => names(page)).toEqual(['Orders.archive', 'Mailer.sendWelcome']);

    await page.getByRole('searchbox').fill('WELCOME');
    await expect.poll(() => names(page)).toEqual(['Mailer.sendWelcome']);
    expect(new URL(page.url()).search).toBe('?search=WELCOME');

    await page.goBack();
    await expect.poll(() => names(page)).toEqual(['Orders.archive', 'Mailer.sendWelcome']);
    expect(await page.getByRole('searchbox').inputValue()).toBe('');

    await page.getByRole('searchbox').fill(first.id.slice(0, 13));
    await expect.poll(() => names(page)).toEqual(['Mailer.sendWelcome']);
    await page.goto(`${server.url}/tasks?search=orders%2F`);
    await expect.poll(() => names(page)).toEqual(['Orders.archive']);
    expect(await page.getByRole('searchbox').inputValue()).toBe('orders/');
  });

  test('a status, a name, a queue and a route are filters with a URL', async () => {
    const { world, server } = await serve();
    const failed = world.add({ name: 'Mailer.sendReceipt', queue: 'mail', route: 'POST /orders' });
    world.settle(failed.id, 'failed', { name: 'Error', message: 'no' });
    world.add({ name: 'Mailer.sendReceipt', queue: 'mail', route: 'POST /orders' });
    world.add({ name: 'Audit.record', route: 'POST /orders' });
    const page = await open(`${server.url}/tasks`);
    await expect.poll(() => rows(page).count()).toBe(3);

    await page.getByRole('button', { name: 'Failed' }).click();
    await expect.poll(() => rows(page).count()).toBe(1);
    expect(new URL(page.url()).search).toBe('?status=failed');
    await page.getByRole('button', { name: 'All' }).click();

    await page.getByLabel('Queue', { exact: true }).fill('mail');
    await expect.poll(() => rows(page).count()).toBe(2);
    expect(new URL(page.url()).search).toBe('?queue=mail');
    await page.getByRole('button', { name: 'Any queue' }).click();

    await page.goto(`${server.url}/tasks?route=${encodeURIComponent('POST /orders')}&name=Audit.record`);
    await expect.poll(() => names(page)).toEqual(['Audit.record']);

    await page.goto(`${server.url}/tasks?name=nothing`);
    await page.getByRole('button', { name: 'Remove all filters' }).click();
    await expect.poll(() => rows(page).count()).toBe(3);
  });

  test('a bulk action names how many tasks it is about before it acts', async () => {
    const { world, server } = await serve();
    for (const name of ['One.run', 'Two.run', 'Three.run']) {
      world.add({ name });
    }
    world.settle(world.add({ name: 'Settled.run' }).id, 'completed');
    const page = await open(`${server.url}/tasks`);
    await expect.poll(() => rows(page).count()).toBe(4);

    await page.getByRole('checkbox').nth(0).click();
    await page
      .getByRole('checkbox')
      .nth(3)
      .click({ modifiers: ['Shift'] });
    const bulk = page.getByRole('group', { name: 'Selected tasks' });
    await bulk.getByText('4 tasks selected').waitFor();
    expect(await bulk.getByRole('button', { name: 'Retry' }).count()).toBe(0);
    await bulk.getByRole('button', { name: 'Cancel 3' }).click();
    const dialog = page.getByRole('dialog', { name: 'Cancel 3 tasks?' });
    await dialog.getByText('1 other selected task has settled').waitFor();
    expect(server.requests.filter((it) => it.startsWith('POST'))).toEqual([]);

    await dialog.getByRole('button', { name: 'Cancel 3 tasks' }).click();
    await page.getByText('3 tasks are cancelled.').waitFor();
    expect(world.tasks.map((it) => it.status)).toEqual(['cancelled', 'cancelled', 'cancelled', 'completed']);
    await expect.poll(() => page.getByText('Cancelled', { exact: true }).count()).toBeGreaterThanOrEqual(3);
    expect(await bulk.count()).toBe(0);
  });

  test('retries all failed tasks of a queue that match, after it has counted them', async () => {
    const { world, server } = await serve();
    for (const name of ['Mailer.sendReceipt', 'Mailer.sendReceipt', 'Mailer.sendOther']) {
      const { id } = world.add({ name, queue: 'mail' });
      world.settle(id, 'failed', { name: 'Error', message: 'no' });
    }
    const page = await open(`${server.url}/tasks?queue=mail&status=failed&name=Mailer.sendReceipt`);
    await page.getByRole('button', { name: 'Retry all 2' }).click();
    const dialog = page.getByRole('dialog', { name: 'Retry 2 failed tasks?' });
    await dialog.getByText('in the queue “mail” with the name “Mailer.sendReceipt”').waitFor();
    expect(world.tasks.map((it) => it.status)).toEqual(['failed', 'failed', 'failed']);
    await dialog.getByRole('button', { name: 'Retry 2 tasks' }).click();
    await page.getByText('2 tasks will run again.').waitFor();
    expect(world.tasks.map((it) => it.status)).toEqual(['pending', 'pending', 'failed']);
  });

  test('100,000 tasks are scrolled and searched with few elements in the page', async () => {
    const { server } = await serve({ tasks: 100_000 });
    const page = await open(`${server.url}/tasks`);
    await page.getByText('100,015 tasks').waitFor();
    const most = 2_500;
    for (const index of [500, 40_000, 75_000, 100_010]) {
      await scrollTo(page, index * 36);
      await page.locator(`[aria-rowindex="${index + 2}"][data-id]`).waitFor();
      expect(await elements(page)).toBeLessThan(most);
    }
    // Pages that the reader passed over are not loaded.
    expect(server.requests.filter((it) => it.includes('/api/tasks?')).length).toBeLessThan(20);

    await page.getByRole('searchbox').fill('Reports.nightly');
    await expect.poll(async () => new Set(await names(page))).toEqual(new Set(['Reports.nightly']));
    expect(await elements(page)).toBeLessThan(most);
  });

  test('the list is where it was when the reader comes back from a task', async () => {
    const { server } = await serve({ tasks: 2_000 });
    const page = await open(`${server.url}/tasks`);
    await rows(page).first().waitFor();
    await scrollTo(page, 36_000);
    const row = page.locator('[aria-rowindex="1006"][data-id]');
    const id = await row.getAttribute('data-id');
    await row.getByRole('link').click();
    await page.getByText(id!).waitFor();
    await page.goBack();
    await row.waitFor();
    expect(await row.getAttribute('data-id')).toBe(id);
  });
});
