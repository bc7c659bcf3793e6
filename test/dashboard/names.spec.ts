import { Injectable } from '@nestjs/common';
import { expect, test } from 'vitest';
import { Task } from 'nestjs-background-tasks';
import { BackgroundTasksDashboardModule } from 'nestjs-background-tasks/dashboard';
import { TestTasksModule } from 'nestjs-background-tasks/testing';
import type { Overview, TaskPage, TaskView } from '../../lib/dashboard/dashboard.api.ts';
import { EventReader, startDashboard } from './start-dashboard.ts';

/** What the page gets of a name or route that has more than 200 characters. */
const SHORTENED = /^.{200}…[\da-f]{8}$/s;

const found = (page: TaskPage) => page.tasks.map(({ id }) => id);

test('a long name is shown in part everywhere, and found by all of it', async () => {
  const redacted: string[] = [];
  const dashboard = BackgroundTasksDashboardModule.forRoot({
    guards: 'open',
    redact: ({ name }) => redacted.push(name),
  });
  const { path, json, runner } = await startDashboard({ dashboard, tasks: { blockingThreshold: 5 } });
  const reader = await EventReader.connect(`${path}/api/events`);
  await expect.poll(() => reader.updates.length).toBe(1);
  const names = ['one', 'two'].map((end) => `${'x'.repeat(20_000)}${end}`);
  const [one, two] = names.map((name) =>
    runner.with({ name }).start((_it: number) => {
      for (const until = performance.now() + 20; performance.now() < until;);
    }, 7),
  );
  await runner.drain();

  const page = await json<TaskPage>('/api/tasks');
  expect(found(page)).toEqual([two!.id, one!.id]);
  const shown = page.tasks.map(({ name }) => name).toReversed();
  expect(shown).toEqual([expect.stringMatching(SHORTENED), expect.stringMatching(SHORTENED)]);
  // An overview can have figures from before the end of the tasks.
  const namesCounted = async () => Object.keys((await json<Overview>('/api/overview')).stats.byName).toSorted();
  await expect.poll(namesCounted).toEqual(shown.toSorted());
  const { stats, blocked } = await json<Overview>('/api/overview');
  expect(blocked.map(({ name }) => name).toSorted()).toEqual(shown.toSorted());
  const view = await json<TaskView>(`/api/tasks/${one!.id}`);
  expect(view.task.name).toBe(shown[0]);
  await expect.poll(() => JSON.stringify(reader.updates)).toContain(shown[1]);
  expect(JSON.stringify([page, stats, blocked, view, reader.updates])).not.toContain('x'.repeat(201));

  // By the name as the page shows it, as its links do; in full; and by a part that the page does not show.
  for (const [i, task] of [one, two].entries()) {
    expect(found(await json(`/api/tasks?name=${encodeURIComponent(shown[i]!)}`))).toEqual([task!.id]);
  }
  const middling = runner.with({ name: `${'y'.repeat(500)} END` }).start(() => undefined);
  expect(found(await json(`/api/tasks?name=${encodeURIComponent(middling.name)}`))).toEqual([middling.id]);
  expect(found(await json('/api/tasks?search=y%20end'))).toEqual([middling.id]);
  expect(found(await json('/api/tasks?search=XTWO'))).toEqual([two!.id]);
  expect(found(await json(`/api/tasks?name=${'x'.repeat(200)}`))).toEqual([]);
  expect(new Set(redacted).has(names[0]!)).toBe(true);
  expect(redacted.filter((name) => SHORTENED.test(name))).toEqual([]);
});

test('half of a surrogate pair, which no URL can have, is no part of what the page gets', async () => {
  const { json, runner } = await startDashboard();
  const names = ['half \ud83d', 'half \ud83e', `${'x'.repeat(199)}😀`];
  const tasks = names.map((name) => runner.with({ name }).start(() => undefined));
  await runner.drain();
  const page = await json<TaskPage>('/api/tasks');
  const shown = page.tasks.map(({ name }) => name).toReversed();
  expect(new Set(shown).size).toBe(3);
  for (const [i, name] of shown.entries()) {
    expect(found(await json(`/api/tasks?name=${encodeURIComponent(name)}`))).toEqual([tasks[i]!.id]);
  }
  const { stats } = await json<Overview>('/api/overview');
  expect(Object.keys(stats.byName).toSorted()).toEqual(shown.toSorted());
});

const LONG = 'q'.repeat(300);

@Injectable()
class Mail {
  @Task({ queue: 'mail', name: `${LONG} one` })
  one() {
    throw new Error('no');
  }

  @Task({ queue: 'mail', name: `${LONG} two` })
  two() {
    throw new Error('no');
  }
}

test('the tasks of a queue are found and retried by a long name, as it is and as it is shown', async () => {
  const { json, post, runner } = await startDashboard({
    metadata: { imports: [TestTasksModule.forRoot({ mode: 'background' })], providers: [Mail] },
  });
  const two = runner.start(Mail, 'two');
  await Promise.all([runner.start(Mail, 'one').settled(), two.settled()]);
  expect(two.name).toBe(`${LONG} two`);
  const page = await json<TaskPage>('/api/tasks?queue=mail');
  const shown = page.tasks.find(({ id }) => id === two.id)!.name;
  expect(shown).toMatch(SHORTENED);
  for (const name of [shown, two.name]) {
    expect(found(await json(`/api/tasks?queue=mail&name=${encodeURIComponent(name)}`))).toEqual([two.id]);
    const dry = await post('/api/tasks/retry?dry=1', { queue: 'mail', name });
    expect(await dry.json()).toEqual({ matching: 1 });
  }
});
