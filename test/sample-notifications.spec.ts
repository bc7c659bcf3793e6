import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Test } from '@nestjs/testing';
import { TaskRunner } from 'nestjs-background-tasks';
import request from 'supertest';
import { expect, onTestFinished, test, vi } from 'vitest';
import { AppModule } from '../sample/01-notifications/src/app.module.ts';

test('the tutorial application writes the line of the query, then the line of the message', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'notifications-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  vi.stubEnv('LOG_FILE', join(folder, 'log.txt'));
  onTestFinished(() => void vi.unstubAllEnvs());
  const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
  const app = module.createNestApplication();
  await app.listen(0, '127.0.0.1');
  onTestFinished(() => app.close());
  const server = app.getHttpServer();

  await request(server)
    .post('/send-notification/ada@example.com?q=some-query')
    .expect(201, { message: 'Notification sent in the background' });
  await app.get(TaskRunner).drain();
  await request(server).post('/send-notification/grace@example.com').expect(201);
  await app.get(TaskRunner).drain();

  expect(await readFile(join(folder, 'log.txt'), 'utf8')).toBe(
    'found query: some-query\nmessage to ada@example.com\nmessage to grace@example.com\n',
  );
});
