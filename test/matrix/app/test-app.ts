import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { TaskRunner } from 'nestjs-background-tasks';
import request from 'supertest';
import { AppModule } from './app.module.ts';
import type { Given } from './given.ts';
import { scopeOf, TellingLogger, tellSteps, type Step } from './steps.ts';

/** The globals that Jest and vitest share, as `nest new` configures them. */
declare function describe(name: string, run: () => void): void;
declare function it(name: string, run: () => Promise<void>): void;
declare function beforeAll(run: () => Promise<void>): void;
declare function expect(value: unknown): { toEqual(expected: unknown): void };

interface Exchange {
  request: string;
  status: number;
  answer?: unknown;
  steps: Step[];
}

const { exchanges, closing } = JSON.parse(readFileSync('app/exchanges.json', 'utf8')) as {
  exchanges: Exchange[];
  closing: Step[];
};

/** Tests the application as a team does: in the process of the test runner, closed by `app.close()`. */
export function testApp(digest: Given['digest']): void {
  describe('REQUEST', () => testIn('REQUEST', digest));
  describe('DEFAULT', () => testIn('DEFAULT', digest));
}

function testIn(scope: Given['scope'], digest: Given['digest']): void {
  let app: INestApplication<Server>;
  let close: () => void;
  const steps: Step[] = [];

  beforeAll(async () => {
    const tell = (step: Step) => void steps.push(step);
    const given = { scope, digest, tell, closing: new Promise<void>((resolve) => (close = resolve)) };
    const module = await Test.createTestingModule({ imports: [AppModule.with(given)] })
      .setLogger(new TellingLogger(tell))
      .compile();
    app = module.createNestApplication();
    tellSteps(app, tell);
    await app.init();
  });

  async function send(exchange: Exchange): Promise<void> {
    const response = await request(app.getHttpServer()).post(exchange.request.replace('POST ', ''));
    expect(response.status).toEqual(exchange.status);
    if (exchange.answer) {
      expect(response.body).toEqual(exchange.answer);
    }
  }

  it('injects BackgroundTasks in the scope of the option', async () => {
    expect(scopeOf(app)).toEqual(scope);
  });

  for (const exchange of exchanges.slice(0, -1)) {
    it(exchange.request, async () => {
      await send(exchange);
      await app.get(TaskRunner).drain();
      expect(steps.splice(0)).toEqual(exchange.steps);
    });
  }

  const last = exchanges.at(-1)!;
  it(`${last.request}, and closing`, async () => {
    await send(last);
    const closed = app.close();
    close();
    await closed;
    expect(steps).toEqual([...last.steps, ...closing]);
  });
}
