import { Test } from '@nestjs/testing';
import { TaskRunner } from 'nestjs-background-tasks';
import { expect, onTestFinished, test } from 'vitest';
import { AppModule } from '../sample/03-progress/src/app.module.ts';
import { RecordingLogger } from './fixtures/recording-logger.ts';

async function start() {
  const module = await Test.createTestingModule({ imports: [AppModule] })
    .setLogger(new RecordingLogger())
    .compile();
  const app = module.createNestApplication();
  await app.listen(0, '127.0.0.1');
  onTestFinished(() => app.close());
  const url = `${await app.getUrl()}/imports`;
  const order = async (rows: number) => {
    const response = await fetch(`${url}?rows=${rows}`, { method: 'POST' });
    expect(response.status).toBe(202);
    return ((await response.json()) as { taskId: string }).taskId;
  };
  return { url, order, runner: app.get(TaskRunner) };
}

test('a job is started, followed by events, and polled', async () => {
  const { url, order } = await start();
  const id = await order(3);
  const events = (await (await fetch(`${url}/${id}/events`)).text())
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => JSON.parse(line.slice(6)) as { status: string; attempts: number; progress?: unknown });
  expect(events.at(-1)).toMatchObject({ status: 'completed', attempts: 2, result: { imported: 3 } });
  expect(events.map(({ progress }) => progress).filter(Boolean)).toEqual([
    { done: 1, of: 3 },
    { done: 2, of: 3 },
    { done: 3, of: 3 },
    { done: 3, of: 3 },
  ]);
  expect(await (await fetch(`${url}/${id}`)).json()).toEqual(events.at(-1));
  expect(await (await fetch(`${url}/${id}/events`)).text()).toContain('"completed"');
});

test('a job is cancelled', async () => {
  const { url, order, runner } = await start();
  const id = await order(10_000);
  expect((await fetch(`${url}/${id}`, { method: 'DELETE' })).status).toBe(204);
  expect((await fetch(`${url}/${id}`, { method: 'DELETE' })).status).toBe(404);
  expect(await (await fetch(`${url}/${id}`)).json()).toMatchObject({ status: 'cancelled' });
  expect((await fetch(`${url}/5c9a6a4e-5d1e-4a0c-8a0e-000000000000/events`)).status).toBe(404);
  await runner.drain(5_000);
});
