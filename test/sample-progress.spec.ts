import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Test } from '@nestjs/testing';
import { TaskRunner } from 'nestjs-background-tasks';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { AppModule } from '../sample/03-progress/src/app.module.ts';
import { installPackage } from './fixtures/install-package.ts';
import { ownPrefix, stopStores, stores } from './fixtures/queue-stores.ts';
import { RecordingLogger } from './fixtures/recording-logger.ts';

interface Event {
  status: string;
  attempts: number;
  progress?: { done: number; of: number };
}

/** Reads all server-sent events of a response, until it ends. */
async function eventsOf(response: Response): Promise<Event[]> {
  return (await response.text())
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => JSON.parse(line.slice(6)) as Event);
}

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
  const events = await eventsOf(await fetch(`${url}/${id}/events`));
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

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const sample = 'sample/03-progress';
let folder: string;

// Packing builds the package, and then the sample is compiled: on a busy machine that takes two minutes.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'progress-'));
  await installPackage(folder);
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  for (const path of ['tsconfig.json', `${sample}/src`, `${sample}/tsconfig.json`]) {
    await cp(join(root, path), join(folder, path), { recursive: true });
  }
  await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(folder, sample)]).catch(
    ({ stdout }: { stdout: string }) => expect.fail(stdout),
  );
}, 300_000);

afterAll(() => rm(folder, { recursive: true }));

describe.each(stores)('with a worker in another process, on $name', ({ connection }) => {
  function startProcess(entry: string, prefix: string): { process: ChildProcess; output: () => string } {
    const env = { ...process.env, PORT: '0', TASKS_CONNECTION: connection, TASKS_PREFIX: prefix };
    const child = spawn(process.execPath, [join(folder, sample, 'dist', entry)], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    return { process: child, output: () => output };
  }

  test('a client follows its import, and an open stream does not hold up a process that ends', async () => {
    const prefix = ownPrefix();
    const web = startProcess('main.js', prefix);
    await expect.poll(web.output, { timeout: 60_000 }).toMatch(/Listening at (\S+)\./);
    const url = `${/Listening at (\S+)\./.exec(web.output())![1]!}/imports`;
    const order = async (rows: number) =>
      ((await (await fetch(`${url}?rows=${rows}`, { method: 'POST' })).json()) as { taskId: string }).taskId;
    const id = await order(10);
    const following = eventsOf(await fetch(`${url}/${id}/events`));
    startProcess('worker.js', prefix);
    const events = await following;
    expect(events[0]).toMatchObject({ status: 'pending', attempts: 0 });
    expect(events.at(-1)).toMatchObject({ status: 'completed', attempts: 2, result: { imported: 10 } });
    const steps = events.map(({ progress }) => progress?.done ?? 0);
    expect(steps).toEqual(steps.toSorted((a, b) => a - b));
    // It is read twice a second, and a row takes a fifth of one.
    expect(new Set(steps).size).toBeGreaterThan(2);

    const long = await fetch(`${url}/${await order(10_000)}/events`);
    const reader = long.body!.pipeThrough(new TextDecoderStream()).getReader();
    let received = '';
    while (!received.includes('data: ')) {
      received += (await reader.read()).value ?? expect.fail('the stream ended before its first event');
    }
    web.process.kill('SIGTERM');
    await once(web.process, 'exit');
    for (let last = await reader.read(); !last.done; last = await reader.read()) {
      received += last.value;
    }
    expect(received).not.toContain('finishedAt');
  }, 120_000);
});

stopStores();
