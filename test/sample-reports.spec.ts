import { Test } from '@nestjs/testing';
import { TaskRunner } from 'nestjs-background-tasks';
import request from 'supertest';
import { expect, onTestFinished, test } from 'vitest';
import { AppModule } from '../sample/02-reports/src/app.module.ts';

test('a report is made in a thread while another route answers', async () => {
  const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
  const app = module.createNestApplication();
  await app.listen(0, '127.0.0.1');
  onTestFinished(() => app.close());
  const server = app.getHttpServer();

  const ordered = await request(server).post('/reports?pages=20').expect(202);
  const { url } = ordered.body as { url: string };
  await request(server).get(url).expect(404);
  await request(server).get('/ping').expect(200);
  await app.get(TaskRunner).drain();

  const fetched = await fetch(`${await app.getUrl()}${url}`);
  expect(fetched.headers.get('content-type')).toBe('application/pdf');
  const pdf = Buffer.from(await fetched.arrayBuffer()).toString('latin1');
  expect(pdf).toMatch(/^%PDF-.*\/Type \/Pages\n\/Count 20\n.*%%EOF\s*$/s);
  await request(server).get('/reports/5c9a6a4e-5d1e-4a0c-8a0e-000000000000').expect(404);
});
