import { describe, expect, test } from 'vitest';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';
import { burn } from '../fixtures/threads/stored.task.ts';

stopStores();

describe.each(stores)('on $name', ({ connection }) => {
  test('a task in a thread keeps its lock, even if it computes for longer than lockDuration', async () => {
    const worker = { lockDuration: 1_000, stalledInterval: 300 };
    const prefix = ownPrefix();
    const options = { imports: [BullMqTasksModule.forRoot({ connection, prefix, worker })] };
    const [{ runner }, other] = [await startApp(options), await startApp(options)];
    const task = runner.start(burn, 3_000);
    expect(await task.settled()).toMatchObject({ status: 'completed', attempts: 1 });
    expect(runner.stats().completed + other.runner.stats().completed).toBe(1);
    expect(runner.stats().failed + other.runner.stats().failed).toBe(0);
  });
});
