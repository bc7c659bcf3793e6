import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Readable } from 'node:stream';
import { Controller, Get, Param, StreamableFile } from '@nestjs/common';
import { expect, onTestFinished, test } from 'vitest';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';
import { GRACES } from '../lib/request/http/response-watcher.ts';
import { RawClient } from './fixtures/raw-client.ts';
import { startApp } from './fixtures/start-app.ts';

const CLIENTS = 1_000;
const AT_ONCE = 50;
const BALLAST = 200_000;

const entered: string[] = [];
const ran: string[] = [];
const requests: WeakRef<object>[] = [];

const upTo = (ms: number) => Math.random() * ms;

@Controller()
class CutController {
  @Get('plain/:id')
  async plain(@Param('id') id: string, @Tasks() tasks: BackgroundTasks) {
    this.add(id, tasks);
    await sleep(upTo(10));
    this.add(id, tasks);
    return 'x'.repeat(50_000);
  }

  @Get('stream/:id')
  stream(@Param('id') id: string, @Tasks() tasks: BackgroundTasks) {
    this.add(id, tasks);
    return new StreamableFile(
      Readable.from(
        (async function* () {
          for (let i = 0; i < 5; i++) {
            await sleep(upTo(4));
            yield 'x'.repeat(20_000);
          }
        })(),
        { objectMode: false },
      ),
    );
  }

  /** The ballast makes the heap grow if a task, and with it its request, is kept. */
  private add(id: string, tasks: BackgroundTasks): void {
    const ballast = Array.from<string>({ length: BALLAST / 8 }).fill(id);
    entered.push(id);
    tasks.with({ runOn: 'always' }).addTask(async () => {
      await sleep(upTo(4));
      ran.push(ballast[0]!);
    });
  }
}

test(`${CLIENTS} clients that leave at random moments: every task runs once, and nothing is kept`, async () => {
  // For how long tasks wait when the client has left, and nothing tells that no answer will come.
  const graces = { ...GRACES };
  Object.assign(GRACES, { answer: 200, handler: 500 });
  onTestFinished(() => void Object.assign(GRACES, graces));
  const { app, port, runner } = await startApp({ controllers: [CutController] }, {}, (configured) => {
    configured.use((request: object, _response: unknown, next: () => void) => {
      requests.push(new WeakRef(request));
      next();
    });
  });
  // A busy server never accepts a connection that its client has reset before.
  const accepted = new Set<number | undefined>();
  app.getHttpServer().on('connection', ({ remotePort }: Socket) => accepted.add(remotePort));
  const cutOne = async (id: number) => {
    const client = await RawClient.connect(port);
    while (!accepted.delete(client.localPort)) {
      await sleep(1);
    }
    client.request(`/${id % 2 ? 'plain' : 'stream'}/${id}`);
    await sleep(upTo(25));
    client.leave();
  };
  const cutMany = async (from: number, count: number) => {
    for (let id = from; id < from + count; id += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => cutOne(id + i)));
    }
    await allGone(app.getHttpServer());
    await runner.drain();
  };
  await cutMany(0, 200);
  const before = heapUsed();
  await cutMany(200, CLIENTS - 200);
  // A request that has entered can still add its second task. In the end both must have run.
  await expect.poll(() => ran.length).toBe(entered.length);
  expect(ran.toSorted()).toEqual(entered.toSorted());
  expect(ran.length).toBeGreaterThan(CLIENTS / 2);
  await expect.poll(() => (heapUsed(), requests.filter((request) => request.deref()).length)).toBeLessThan(5);
  expect(heapUsed() - before).toBeLessThan(20 * BALLAST);
}, 120_000);

async function allGone(server: { getConnections(callback: (error: unknown, count: number) => void): void }) {
  await expect
    .poll(() => new Promise((resolve) => server.getConnections((_error, count) => resolve(count))), { timeout: 10_000 })
    .toBe(0);
}

function heapUsed(): number {
  globalThis.gc!();
  return process.memoryUsage().heapUsed;
}
