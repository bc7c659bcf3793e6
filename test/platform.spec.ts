import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { expect, onTestFinished, test } from 'vitest';
import { BackgroundTasksModule, TaskRunner, UnsupportedPlatformError } from 'nestjs-background-tasks';
import { unsupportedPlatform } from '../lib/request/http/http.messages.ts';

class OtherAdapter extends ExpressAdapter {
  override getType(): string {
    return 'other';
  }
}

test('a platform whose responses it does not know is an error at start', async () => {
  const module = BackgroundTasksModule.forRoot();
  const app = await NestFactory.create(module, new OtherAdapter(), { logger: false });
  onTestFinished(() => app.close());
  await expect(app.init()).rejects.toThrow(new UnsupportedPlatformError(unsupportedPlatform('other')));
});

test('an application context without a server runs tasks', async () => {
  const context = await NestFactory.createApplicationContext(BackgroundTasksModule.forRoot(), { logger: false });
  onTestFinished(() => context.close());
  const task = context.get(TaskRunner).start(() => 'done');
  expect(await task.settled()).toMatchObject({ status: 'completed', result: 'done' });
});
