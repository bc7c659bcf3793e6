import { Controller, Get, Injectable, ValidationPipe, type PipeTransform } from '@nestjs/common';
import { expect, test } from 'vitest';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';
import { startApp } from './fixtures/start-app.ts';

/** A pipe that trims all strings, as some applications have it. */
@Injectable()
class CopyingPipe implements PipeTransform {
  transform(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) {
      return value;
    }
    return Object.fromEntries(Object.entries(value));
  }
}

@Controller()
class PipedController {
  @Get()
  get(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(() => undefined);
    return tasks instanceof BackgroundTasks;
  }
}

test.each([
  ['a ValidationPipe', new ValidationPipe()],
  ['a ValidationPipe for custom decorators', new ValidationPipe({ validateCustomDecorators: true })],
  ['one that transforms', new ValidationPipe({ validateCustomDecorators: true, transform: true })],
  [
    'one that forbids',
    new ValidationPipe({ validateCustomDecorators: true, whitelist: true, forbidNonWhitelisted: true }),
  ],
  ['a pipe that copies objects', new CopyingPipe()],
])('@Tasks() passes through %s', async (_label, pipe) => {
  const { url, runner } = await startApp({ controllers: [PipedController] }, {}, (app) => app.useGlobalPipes(pipe));
  const response = await fetch(url);
  expect(await response.text()).toBe('true');
  await runner.drain(5_000);
});
