import { describe, expect, test } from 'vitest';
import { EventReader, platforms, startDashboard } from './start-dashboard.ts';

describe.each(platforms)('the stream on %s', (platform) => {
  test('ends with the application, which it doesn’t hold up', async () => {
    const { app, path } = await startDashboard({ platform, tasks: { shutdownTimeout: 50_000 } });
    const reader = await EventReader.connect(`${path}/api/events`);
    await expect.poll(() => reader.updates.length).toBe(1);
    const beganAt = performance.now();
    await app.close();
    expect(performance.now() - beganAt).toBeLessThan(20_000);
    await expect.poll(() => reader.isOver).toBe(true);
  });
});
