import { Redis } from 'ioredis';
import { afterEach, expect, test, vi } from 'vitest';
import { writeTogether } from '../../lib/bullmq/store/write-together.ts';
import { stores, stopStores } from '../fixtures/queue-stores.ts';

stopStores();

const redis = stores.find(({ name }) => name === 'Redis');
const clients: Redis[] = [];

async function connected(): Promise<Redis> {
  const client = new Redis(redis!.connection, { lazyConnect: true });
  clients.push(client);
  await client.connect();
  return client;
}

afterEach(() => clients.splice(0).forEach((it) => it.disconnect()));

/** How many system calls a client makes for these commands. */
async function writes(client: Redis, run: () => Promise<unknown>): Promise<number> {
  const stream = client.stream as unknown as Record<'_write' | '_writev', () => void>;
  const one = vi.spyOn(stream, '_write');
  const several = vi.spyOn(stream, '_writev');
  await run();
  return one.mock.calls.length + several.mock.calls.length;
}

const three = (client: Redis) => () => Promise.all(['a', 'b', 'c'].map((text) => client.echo(text)));

test.skipIf(!redis)('commands of one turn are written at once, and each gets its own answer', async () => {
  const [plain, client] = [await connected(), await connected()];
  expect(await writes(plain, three(plain))).toBe(3);
  writeTogether(client);
  expect(await writes(client, three(client))).toBe(1);
  expect(await three(client)()).toEqual(['a', 'b', 'c']);
  expect(await client.multi().echo('d').echo('e').exec()).toEqual([
    [null, 'd'],
    [null, 'e'],
  ]);
});

test.skipIf(!redis)('a connection that breaks while commands are held takes no later command with it', async () => {
  const client = await connected();
  writeTogether(client);
  const lost = client.echo('lost');
  client.stream.destroy();
  expect(await client.echo('again')).toBe('again');
  expect(await lost).toBe('lost');
});

test.skipIf(!redis)('what is held when the client is closed is still written', async () => {
  const [client, other] = [await connected(), await connected()];
  writeTogether(client);
  const key = `write-together-${process.pid}`;
  void client.set(key, 'kept', 'PX', 60_000).catch(() => undefined);
  client.disconnect();
  await vi.waitFor(async () => expect(await other.get(key)).toBe('kept'));
});
