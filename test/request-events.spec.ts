import { once } from 'node:events';
import { connect } from 'node:net';
import { Controller, Inject, Injectable, Post } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { expect, test } from 'vitest';
import { BackgroundTasks } from 'nestjs-background-tasks';
import { platform } from './fixtures/place.ts';
import { startApp } from './fixtures/start-app.ts';

@Injectable()
class Orders {
  constructor(@Inject(BackgroundTasks) private readonly tasks: BackgroundTasks) {}

  place(steps: string[]): void {
    steps.push(`handler: ${this.tasks.tasks.length} before`);
    this.tasks.addTask(() => void steps.push('task'));
  }
}

// Fastify reads the body itself and doesn't leave it to middleware.
test.skipIf(platform === 'fastify')(
  'middleware that goes on when the body has arrived stays in the request',
  async () => {
    const steps: string[] = [];

    @Controller()
    class WebhookController {
      constructor(private readonly orders: Orders) {}

      @Post()
      async receive(): Promise<string> {
        this.orders.place(steps);
        // A task that belongs to no request would run in these turns.
        await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
        steps.push('answer');
        return 'ok';
      }
    }

    const { port, runner } = await startApp({ providers: [Orders], controllers: [WebhookController] }, {}, (app) =>
      app.use((request: Request, _response: Response, next: NextFunction) => {
        request.on('data', (chunk: Buffer) => steps.push(`data: ${chunk.toString()}`));
        request.on('end', next);
      }),
    );
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write('POST / HTTP/1.1\r\nHost: test\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nab');
    await expect.poll(() => steps).toEqual(['data: ab']);
    socket.write('cd');
    await once(socket, 'data');
    socket.destroy();
    await runner.drain();
    expect(steps).toEqual(['data: ab', 'data: cd', 'handler: 0 before', 'answer', 'task']);
  },
);
