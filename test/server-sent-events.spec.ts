import { Controller, Param, Sse, type MessageEvent } from '@nestjs/common';
import { map, type Observable } from 'rxjs';
import { expect, test } from 'vitest';
import { TaskRegistry, TaskRunner } from 'nestjs-background-tasks';
import { Gate } from './fixtures/gate.ts';
import { RawClient } from './fixtures/raw-client.ts';
import { startApp } from './fixtures/start-app.ts';

const UNKNOWN = '5c9a6a4e-5d1e-4a0c-8a0e-000000000000';

@Controller()
class EventsController {
  constructor(
    private readonly registry: TaskRegistry,
    private readonly runner: TaskRunner,
  ) {}

  @Sse('events')
  events(): Observable<MessageEvent> {
    return this.runner.events.pipe(map((event) => ({ data: event })));
  }

  @Sse(':id/events')
  follow(@Param('id') id: string): Observable<MessageEvent> {
    return this.registry.follow(id).pipe(map((data) => ({ data })));
  }
}

test('follow a task until it has settled', async () => {
  const { url, runner } = await startApp({ controllers: [EventsController] });
  const gate = new Gate();
  const task = runner.start(() => gate.opened);
  const response = await fetch(`${url}/${task.id}/events`);
  gate.open();
  const text = await response.text();
  const events = text.split('\n').filter((line) => line.startsWith('data: '));
  expect(JSON.parse(events.at(-1)!.slice(6))).toMatchObject({ id: task.id, status: 'completed' });
  expect((await fetch(`${url}/${UNKNOWN}/events`)).status).toBe(404);
});

test.each(['without an event', 'with an event'])(
  'that are open, %s, don’t hold up an application that closes',
  async (label) => {
    // A test that fails takes half of it.
    const { app, port, runner } = await startApp({ controllers: [EventsController] }, { shutdownTimeout: 50_000 });
    const client = await RawClient.connect(port);
    client.request('/events');
    await client.receives('text/event-stream');
    if (label === 'with an event') {
      runner.start(() => undefined);
      await client.receives('"completed"');
    }
    const gate = new Gate();
    const task = runner.start(() => gate.opened);
    await expect.poll(() => runner.stats().running).toBe(1);
    const beganAt = performance.now();
    const closed = app.close();
    gate.open();
    await closed;
    expect(performance.now() - beganAt).toBeLessThan(20_000);
    expect(await task.settled()).toMatchObject({ status: 'completed' });
    // What settled while it closed was told.
    await client.receives(task.id);
  },
);
