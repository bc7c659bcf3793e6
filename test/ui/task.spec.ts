import { describe, expect, test } from 'vitest';
import { executable, usePage } from './harness.ts';

describe.skipIf(executable === undefined)('the page of one task', () => {
  const { serve, open, expectFaults } = usePage();

  test('progress moves', async () => {
    const { world, server } = await serve();
    const startedAt = new Date().toISOString();
    const { id } = world.add({ name: 'Stock.import', status: 'running', attempts: 1, startedAt, progress: 10 });
    const page = await open(`${server.url}/tasks/${id}`);
    const bar = page.getByRole('progressbar', { name: 'Progress of Stock.import' });
    await expect.poll(() => bar.getAttribute('aria-valuenow')).toBe('10');
    await page.locator('.connection.is-live').waitFor();
    world.change(id, { progress: { done: 30, total: 40 } });
    server.send();
    await expect.poll(() => bar.getAttribute('aria-valuenow')).toBe('75');
    await page.getByText('30 of 40').waitFor();
  });

  test('cancels a running task', async () => {
    const { world, server } = await serve();
    const { id } = world.add({ name: 'Stock.import', status: 'running', startedAt: new Date().toISOString() });
    const page = await open(`${server.url}/tasks/${id}`);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page
      .getByRole('dialog', { name: 'Cancel Stock.import?' })
      .getByRole('button', { name: 'Cancel 1 task' })
      .click();
    await page.getByText('Stock.import is cancelled.').waitFor();
    await page.getByRole('heading', { name: 'Why it was cancelled' }).waitFor();
    expect(world.get(id)!.status).toBe('cancelled');
    expect(await page.getByRole('button', { name: 'Cancel' }).count()).toBe(0);
  });

  test('retries a failed task, and shows each attempt with its error and causes', async () => {
    const { world, server } = await serve();
    const startedAt = new Date(Date.now() - 20_000).toISOString();
    const { id } = world.add({ name: 'Mailer.sendReceipt', attempts: 3, startedAt, status: 'running' });
    world.settle(id, 'failed', {
      name: 'MailerError',
      message: 'The server refused',
      cause: { name: 'Error', message: 'ETIMEDOUT', cause: { name: 'Error', message: 'no route' } },
    });
    const page = await open(`${server.url}/tasks/${id}`);
    const error = page.getByRole('region', { name: 'Error' });
    for (const text of ['The server refused', 'ETIMEDOUT', 'no route']) {
      await error.getByText(text).waitFor();
    }
    await page.getByText('Attempt 3 failed').waitFor();
    await page.getByRole('button', { name: 'Retry' }).click();
    await page.getByRole('button', { name: 'Retry 1 task' }).click();
    await page.getByText('Mailer.sendReceipt will run again.').waitFor();
    expect(world.get(id)!.status).toBe('pending');
  });

  test('an action that the server refuses says why', async () => {
    expectFaults(/403/);
    const { world, server } = await serve();
    const { id } = world.add({ name: 'Stock.import' });
    const page = await open(`${server.url}/tasks/${id}`);
    await page.route('**/cancel', (route) =>
      route.fulfill({ status: 403, json: { message: 'Your session is over.', code: 'X' } }),
    );
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Cancel 1 task' }).click();
    await page.getByText('1 task could not be cancelled: Your session is over.').waitFor();
  });

  test('hidden arguments are explained, and shown ones are shown', async () => {
    const hiding = await serve({ showsArguments: false });
    const hidden = hiding.world.add({ name: 'Stock.import' });
    const page = await open(`${hiding.server.url}/tasks/${hidden.id}`);
    await page.getByText('Hidden. Pass redact to BackgroundTasksDashboardModule.forRoot()').waitFor();

    const { world, server } = await serve();
    const shown = world.add({ name: 'Stock.import' });
    await page.goto(`${server.url}/tasks/${shown.id}`);
    await page.getByRole('region', { name: 'Arguments' }).getByText('warehouse-oslo.csv').waitFor();
  });

  test('a task that is gone is said to be gone', async () => {
    expectFaults(/404/);
    const { server } = await serve();
    const page = await open(`${server.url}/tasks/00000000-0000-4000-8000-000000000000`);
    await page.getByText('There is no task with this id').waitFor();
  });

  test('a long error is cut until it is asked for', async () => {
    const { world, server } = await serve();
    const { id } = world.add({ name: 'Long.run' });
    world.settle(id, 'failed', { name: 'Error', message: `${'word '.repeat(2_000)}the end` });
    const page = await open(`${server.url}/tasks/${id}`);
    const button = page.getByRole('button', { name: 'Show all 10,007 characters' });
    await button.waitFor();
    expect(await page.getByText('the end').count()).toBe(0);
    await button.click();
    await page.getByText('the end').waitFor();
  });
});
