import { Injectable, Module, type ModuleMetadata } from '@nestjs/common';
import { LazyModuleLoader } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  BackgroundTasksModule,
  InvalidOptionError,
  ModuleImportError,
  Task,
  TaskRunner,
} from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { coreNotImported, importedWithoutForRoot, queueOfNoTask } from '../lib/bullmq/bullmq.messages.ts';
import { queueNotImported } from '../lib/durable/durable.messages.ts';

@Injectable()
class Mailer {
  @Task({ queue: 'mail' })
  send() {}

  @Task({ attempts: 2 })
  soon() {}
}

@Module({ providers: [Mailer], exports: [Mailer] })
class MailModule {}

const core = () => BackgroundTasksModule.forRoot();
const coreAsync = () =>
  BackgroundTasksModule.forRootAsync({ useFactory: () => new Promise((it) => setImmediate(it, {})) });
/** Without a worker, and nothing listens there: the application starts without its server. */
const unreachable = { connection: 'redis://127.0.0.1:1', worker: false, enqueueTimeout: 1 } as const;
const queue = () => BullMqTasksModule.forRoot(unreachable);
const queueAsync = () =>
  BullMqTasksModule.forRootAsync({ useFactory: () => new Promise((it) => setImmediate(it, unreachable)) });

async function start(metadata: ModuleMetadata) {
  const app = (await Test.createTestingModule(metadata).compile()).createNestApplication();
  app.useLogger(false);
  onTestFinished(() => app.close());
  return app.init();
}

describe('a durable task without the module for queues', () => {
  const message = queueNotImported('Mailer.send', 'mail');

  test('is named, with the import to add', () => {
    expect(message).toMatchInlineSnapshot(
      `"Task "Mailer.send": expected a module for the queue 'mail', got none. Import BullMqTasksModule.forRoot({ connection }) from 'nestjs-background-tasks/bullmq'."`,
    );
  });

  test.each<[string, ModuleMetadata]>([
    ['in the root module', { imports: [core()], providers: [Mailer] }],
    ['below', { imports: [core(), MailModule] }],
    ['before forRootAsync', { imports: [MailModule, coreAsync()] }],
    ['of a factory', { imports: [core()], providers: [{ provide: 'MAILER', useFactory: () => new Mailer() }] }],
  ])('stops the start: %s', async (_where, metadata) => {
    await expect(start(metadata)).rejects.toThrow(new ModuleImportError(message));
  });

  test('that no module provides stops nothing', async () => {
    @Injectable()
    class Unused {
      @Task({ queue: 'mail' })
      send() {}
    }
    expect(Unused).toBeDefined();
    const app = await start({ imports: [core()] });
    expect(() => app.get(TaskRunner).start(new Mailer(), 'send')).toThrow(message);
  });

  test('in a module that is loaded lazily makes each load reject', async () => {
    const app = await start({ imports: [core()] });
    const loader = app.get(LazyModuleLoader);
    for (let i = 0; i < 2; i++) {
      await expect(loader.load(() => MailModule)).rejects.toThrow(new ModuleImportError(message));
    }
    @Module({ providers: [class Plain {}] })
    class PlainModule {}
    // The first module stays in the application.
    await expect(loader.load(() => PlainModule)).rejects.toThrow(message);
  });

  test('with it, a module loads lazily', async () => {
    const app = await start({ imports: [core(), queue()] });
    const loaded = await app.get(LazyModuleLoader).load(() => MailModule);
    expect(loaded.get(Mailer)).toBeInstanceOf(Mailer);
  });
});

describe('the module for queues', () => {
  @Module({ imports: [queue()] })
  class QueueModule {}
  @Module({ imports: [QueueModule] })
  class OuterModule {}

  test.each<[string, ModuleMetadata]>([
    ['alone', { imports: [queue()] }],
    ['alone, with a factory', { imports: [queueAsync()] }],
    ['beside others', { imports: [MailModule, queue()], providers: [Mailer] }],
    ['below', { imports: [OuterModule] }],
  ])('without BackgroundTasksModule, %s, says what to import', async (_where, metadata) => {
    await expect(start(metadata)).rejects.toThrow(new ModuleImportError(coreNotImported()));
  });

  test.each<[string, ModuleMetadata['imports']]>([
    ['after it', [core(), queue()]],
    ['before it', [queue(), core()]],
    ['with factories', [queueAsync(), coreAsync()]],
    ['below, beside a feature', [OuterModule, MailModule, coreAsync()]],
  ])('starts %s', async (_where, imports) => {
    const app = await start({ imports: [...imports!] });
    expect(app.get(TaskRunner)).toBeDefined();
  });

  test('without forRoot is an error that says so', async () => {
    @Module({ imports: [BullMqTasksModule] })
    class BareModule {}
    for (const imports of [
      [core(), BullMqTasksModule],
      [BareModule, coreAsync()],
    ]) {
      await expect(start({ imports })).rejects.toThrow(new ModuleImportError(importedWithoutForRoot()));
    }
  });
});

test('a worker for a queue that no task names stops the start, and the error tells what may be missing', async () => {
  const worker = { queues: ['mail', 'reports'] };
  const imports = [core(), BullMqTasksModule.forRoot({ connection: 'redis://127.0.0.1:1', enqueueTimeout: 1, worker })];
  const error = new InvalidOptionError(queueOfNoTask('reports', ['mail']));
  await expect(start({ imports, providers: [Mailer] })).rejects.toThrow(error);
  await expect(start({ imports })).rejects.toThrow(queueOfNoTask('mail', []));
  expect(error.message).toMatchInlineSnapshot(
    `"BullMqTasksModule: worker: option 'queues': expected queues that tasks of this application name (mail), got 'reports'. Import the module that provides the tasks of that queue, or the file that defines them, or correct the name."`,
  );
});
