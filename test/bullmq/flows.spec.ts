import { Controller, Injectable, Post } from '@nestjs/common';
import { describe, expect, test } from 'vitest';
import {
  BackgroundTasks,
  chain,
  defineTask,
  group,
  previousResult,
  step,
  Task,
  TaskArgumentError,
  TaskRegistry,
  Tasks,
} from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { flowNotWith, previousOfNone, stepWithoutQueue } from '../../lib/durable/durable.messages.ts';
import { flowExpected, groupOfNone, notTheFirst } from '../../lib/task/task.messages.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';

const ran: string[] = [];

@Injectable()
class Media {
  @Task({ queue: 'media' })
  download(url: string) {
    ran.push(`download ${url}`);
    return { url, bytes: new Uint8Array([1, 2, 3]) };
  }

  @Task({ queue: 'images' })
  resize(image: { url: string; bytes: Uint8Array }, width: number) {
    ran.push(`resize ${image.bytes.length} ${width}`);
    return `${image.url}@${width}`;
  }

  @Task({ queue: 'media' })
  publish(to: string, what: string) {
    ran.push(`publish ${what} ${to}`);
    return `${what} for ${to}`;
  }
}

const merge = defineTask(
  function merge(pages: (number | undefined)[], title: string) {
    return { title, pages };
  },
  { queue: 'pages' },
);

@Controller()
class MediaController {
  constructor(private readonly media: Media) {}

  @Post('chain')
  chain(@Tasks() tasks: BackgroundTasks) {
    const task = tasks.addTask(
      chain(
        step(this.media, 'download', 'a.png'),
        step(this.media, 'resize', previousResult, 300),
        step(this.media, 'publish', 'ada', previousResult),
      ),
    );
    return { id: task.id };
  }
}

function start(connection: string, prefix = ownPrefix()) {
  ran.length = 0;
  return startApp({
    imports: [BullMqTasksModule.forRoot({ connection, prefix })],
    providers: [Media],
    controllers: [MediaController],
  });
}

stopStores();

describe.each(stores)('on $name', ({ connection }) => {
  test('a chain hands its results on, from queue to queue', async () => {
    const { url, app } = await start(connection);
    const response = await fetch(`${url}/chain`, { method: 'POST' });
    expect(response.status).toBe(201);
    const { id } = (await response.json()) as { id: string };
    await expect
      .poll(() => app.get(TaskRegistry).get(id), { timeout: 10_000 })
      .toMatchObject({ name: 'Media.publish', status: 'completed', result: 'a.png@300 for ada' });
    expect(ran).toEqual(['download a.png', 'resize 3 300', 'publish a.png@300 ada']);
  });

  test('chains in a group, a group in a chain', async () => {
    const { runner, app } = await start(connection);
    const media = app.get(Media);
    const image = (url: string) => chain(step(media, 'download', url), step(media, 'resize', previousResult, 100));
    const both = group([image('a'), image('b')], step(merge, previousResult, 'images'));
    const task = runner.start(chain(both, step(merge, previousResult, 'outer')));
    expect((await task.settled()).result).toEqual({
      title: 'outer',
      pages: { title: 'images', pages: ['a@100', 'b@100'] },
    });
  });
});

describe.each(stores.slice(0, 1))('whatever the store', ({ connection }) => {
  test('what can’t be one is refused at once, with the way out', async () => {
    const { runner, app } = await start(connection);
    const media = app.get(Media);
    const inner = chain(step(media, 'download', 'a'), step(media, 'resize', previousResult, 1));
    expect(() => chain(step(media, 'download', 'a'), inner)).toThrow(notTheFirst('chain', 1, 'Media.resize'));
    expect(() => runner.start(chain(step(media, 'download', previousResult)))).toThrow(
      new TaskArgumentError(previousOfNone('Media.download')),
    );
    const local = () => undefined;
    expect(() => runner.start(chain(step(local), step(media, 'download', 'a')))).toThrow(stepWithoutQueue('local'));
    expect(() => runner.start(chain(step(media, 'download', 'a'), step(local)))).toThrow(stepWithoutQueue('local'));
    expect(() => runner.with({ delay: 10 }).start(inner)).toThrow(flowNotWith('Media.resize', 'delay'));
    expect(() => chain(media as never)).toThrow(flowExpected('chain', 0, 'an object (Media)'));
    expect(() => group([], step(merge, previousResult, ''))).toThrow(new TaskArgumentError(groupOfNone('none')));
  });
});
