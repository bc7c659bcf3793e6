import { expect, test } from 'vitest';
import { defineTask, ModuleImportError } from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { queueNotImported } from '../lib/durable/durable.messages.ts';
import { startApp } from './fixtures/start-app.ts';

// A file of its own: the functions of a process are there for all applications in it.
test('a function with a queue stops an application without one, unless another application of the process has one', async () => {
  defineTask(function archive() {}, { queue: 'archive' });
  await expect(startApp({})).rejects.toThrow(new ModuleImportError(queueNotImported('archive', 'archive')));
  const connection = 'redis://127.0.0.1:1';
  await startApp({ imports: [BullMqTasksModule.forRoot({ connection, worker: false, enqueueTimeout: 1 })] });
  await startApp({});
});
