import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { currentTask } from 'nestjs-background-tasks';
import { Gate } from '../fixtures/gate.ts';
import { startDashboard } from '../dashboard/start-dashboard.ts';
import { executable, usePage } from './harness.ts';

const names = [
  'half of a pair \ud83d',
  'x'.repeat(5_000),
  '__proto__',
  'constructor',
  '<img src=x onerror=alert(1)>',
  'a\0b\nc\u2028d',
  '\u202eright to left',
  '% %zz ?&#/ ..',
  ' ',
];

const progresses: readonly (number | object)[] = [
  Number.NaN,
  -1,
  1e300,
  [],
  [null, undefined],
  { percent: Number.NaN, total: 0, done: 5 },
  { done: 5, total: -1 },
  Object.assign(Object.create(null) as object, { ['__proto__x']: 1, toString: 5 }),
  { percent: 40, text: 'y'.repeat(5_000) },
];

const widthOf = (page: Page) => page.evaluate<number>('document.documentElement.scrollWidth');

describe.skipIf(executable === undefined)('tasks with odd names and progress', () => {
  const { open, folder } = usePage();

  test('are shown in each view, also 360 px wide, and lead to themselves', { timeout: 120_000 }, async () => {
    const { path, runner } = await startDashboard({ page: folder() });
    const gate = new Gate();
    const tasks = names.map((name, i) =>
      runner.with({ name }).start(() => {
        currentTask()!.updateProgress(progresses[i]!);
        return gate.opened;
      }),
    );
    await expect.poll(() => runner.stats().running).toBe(names.length);
    for (const width of [1_280, 360]) {
      const page = await open(path, { viewport: { width, height: 800 } });
      await page.locator('.connection.is-live').waitFor();
      expect(await widthOf(page)).toBeLessThanOrEqual(width);
      await page.goto(`${path}/tasks`);
      for (const task of tasks) {
        await page.locator(`.list-body [data-id="${task.id}"]`).waitFor();
      }
      expect(await widthOf(page)).toBeLessThanOrEqual(width);
      for (const task of tasks) {
        await page.goto(`${path}/tasks/${task.id}`);
        await page.getByRole('link', { name: 'All tasks of this name' }).waitFor();
        expect(await widthOf(page), task.name.slice(0, 50)).toBeLessThanOrEqual(width);
        await page.getByRole('link', { name: 'All tasks of this name' }).click();
        await page.locator(`.list-body [data-id="${task.id}"]`).waitFor();
        await page.getByText('1 task', { exact: true }).waitFor();
      }
    }
    gate.open();
    await runner.drain();
    const page = await open(path);
    await expect.poll(() => page.locator('.spread-cell').count()).toBe(names.length);
  });
});
