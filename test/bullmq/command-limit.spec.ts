import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { limitCommands } from '../../lib/bullmq/store/command-limit.ts';
import { stores, stopStores } from '../fixtures/queue-stores.ts';

stopStores();

const redis = stores.find(({ name }) => name === 'Redis');

async function connected(ms: number): Promise<Redis> {
  const client = new Redis(redis!.connection, { lazyConnect: true, maxRetriesPerRequest: 0 });
  onTestFinished(() => client.disconnect());
  limitCommands(client, ms);
  await client.connect();
  return client;
}

/** Redis answers neither this command nor later ones of its connection. */
const block = (client: Redis) => client.blpop(`command-limit-${process.pid}`, 0);

test.skipIf(!redis)('commands that get no answer in time fail, and those that get one don’t', async () => {
  const client = await connected(100);
  for (let i = 0; i < 100; i++) {
    expect(await client.echo('a')).toBe('a');
  }
  const results = await Promise.allSettled([block(client), client.echo('b')]);
  expect(results.map((it) => (it.status === 'rejected' ? String(it.reason) : it.value))).toEqual([
    'Error: Command timed out',
    'Error: Command timed out',
  ]);
});

test.skipIf(!redis)('a command that is sent while others wait has its full time', async () => {
  const client = await connected(500);
  const failed: string[] = [];
  const first = block(client).catch(() => failed.push('first'));
  await new Promise((resolve) => setTimeout(resolve, 250));
  const sent = performance.now();
  const second = client.echo('b').catch(() => failed.push('second'));
  await first;
  expect(failed).toEqual(['first']);
  await second;
  expect(failed).toEqual(['first', 'second']);
  expect(performance.now() - sent).toBeGreaterThan(499);
});

test.skipIf(!redis)('a connection that breaks fails its commands, and comes back with the limit', async () => {
  const client = await connected(300);
  const lost = block(client);
  client.stream.destroy();
  await expect(lost).rejects.toThrow('max retries per request');
  expect(await client.echo('again')).toBe('again');
  await expect(block(client)).rejects.toThrow('Command timed out');
});
