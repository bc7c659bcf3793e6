import { Controller, Get, Param } from '@nestjs/common';
import { expect, test } from 'vitest';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';
import { Gate } from './fixtures/gate.ts';
import { RawClient } from './fixtures/raw-client.ts';
import { startApp } from './fixtures/start-app.ts';

const entered: string[] = [];
const left: string[] = [];
const gates = { a: new Gate(), b: new Gate() };

async function waitForGate(name: 'a' | 'b') {
  entered.push(name);
  await gates[name].opened;
  left.push(name);
}

@Controller()
class TwoController {
  @Get(':name')
  get(@Param('name') name: 'a' | 'b', @Tasks() tasks: BackgroundTasks) {
    tasks.addTask(waitForGate, name);
    return `answer ${name}`;
  }
}

test('a second request on the same connection is answered, and its tasks run, while the first one’s tasks still do', async () => {
  const { port, runner } = await startApp({ controllers: [TwoController] });
  const client = await RawClient.connect(port);
  client.request('/a');
  await client.receives('answer a');
  await expect.poll(() => entered).toEqual(['a']);
  client.request('/b');
  await client.receives('answer b');
  await expect.poll(() => entered).toEqual(['a', 'b']);
  expect(left).toEqual([]);
  gates.b.open();
  await expect.poll(() => left).toEqual(['b']);
  gates.a.open();
  await runner.drain();
  expect(left).toEqual(['b', 'a']);
});
