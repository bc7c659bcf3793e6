import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.ts';
import type { Given } from './given.ts';
import { scopeOf, TellingLogger, tellSteps, type Step } from './steps.ts';

/** Runs the application as a process. Arguments: the platform and the scope. Output: a line of JSON for each step. */
export async function serve(digest: Given['digest']): Promise<void> {
  const [platform, scope] = process.argv.slice(2) as ['express' | 'fastify', Given['scope']];
  const tell = (step: Step) => void process.stdout.write(`${JSON.stringify(step)}\n`);
  const app: INestApplication<Server> = await NestFactory.create(
    AppModule.with({ scope, digest, tell, closing: once(process, 'SIGTERM') }),
    platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter(),
    { logger: new TellingLogger(tell) },
  );
  app.enableShutdownHooks();
  tellSteps(app, tell);
  await app.listen(0, '127.0.0.1');
  tell({
    step: 'listening',
    port: (app.getHttpServer().address() as AddressInfo).port,
    platform: app.getHttpAdapter().getType(),
    scope: scopeOf(app),
    modules: typeof require === 'function' ? 'commonjs' : 'esm',
    node: process.version,
  });
}
