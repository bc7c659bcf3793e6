import { ConflictException, Controller, Get } from '@nestjs/common';
import { expect, test } from 'vitest';
import { BackgroundTasks, TaskRunner, Tasks } from 'nestjs-background-tasks';
import { startApp } from './fixtures/start-app.ts';

@Controller()
class RefusingController {
  @Get()
  refuse(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(() => undefined);
    throw new ConflictException();
  }
}

test.each(['raw', 'req', 'request'])('a request is known as one, whatever middleware keeps in its %s', async (name) => {
  const { app, url } = await startApp({ controllers: [RefusingController] }, {}, (it) =>
    it.use((request: Record<string, unknown>, _response: unknown, next: () => void) => {
      request[name] = Buffer.from('its body, as it came');
      next();
    }),
  );
  expect((await fetch(url)).status).toBe(409);
  await app.get(TaskRunner).drain();
  expect(app.get(TaskRunner).stats()).toMatchObject({ completed: 0, skipped: 1 });
});
