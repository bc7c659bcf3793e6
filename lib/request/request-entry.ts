import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { HttpServer } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import { UnsupportedPlatformError } from '../errors/unsupported-platform.error.ts';
import { unsupportedPlatform } from '../messages.ts';
import type { RawRequest } from './raw-request.ts';

/** What is done with each request before everything else. */
export interface EntryActions {
  /** Does it around everything that is done for the request. */
  run(request: RawRequest, response: ServerResponse, next: () => void): void;
  /** Does it for the current async context. */
  enter(request: RawRequest, response: ServerResponse): void;
}

type Platform = 'express' | 'fastify';

interface ExpressInstance {
  use(handler: (request: IncomingMessage, response: ServerResponse, next: () => void) => void): void;
}

interface FastifyInstance {
  addHook(
    name: 'onRequest',
    hook: (request: { raw: IncomingMessage }, reply: { raw: ServerResponse }, done: () => void) => void,
  ): void;
}

/** Where each HTTP request passes through first: the platform's own way, since Nest's middleware costs more. */
export class RequestEntry {
  #adapter?: HttpServer;

  /** @param platforms on which it is needed */
  constructor(
    adapterHost: HttpAdapterHost,
    private readonly platforms: readonly Platform[],
    private readonly actions: EntryActions,
  ) {
    // Nest's testing module has no platform before its application is made.
    adapterHost.init$.subscribe(() => this.#install((this.#adapter = adapterHost.httpAdapter)));
  }

  /**
   * To be called when there is a server, before it listens.
   *
   * @throws UnsupportedPlatformError
   */
  watchServer(): void {
    const adapter = this.#adapter;
    const platform = adapter?.getType();
    if (platform && platform !== 'express' && platform !== 'fastify') {
      throw new UnsupportedPlatformError(unsupportedPlatform(platform));
    }
    // Middleware goes before Fastify's hooks: only the server is earlier. But where requests are injected there is none.
    if (adapter && platform === 'fastify' && this.platforms.includes(platform)) {
      (adapter.getHttpServer() as Server).prependListener('request', (request, response) =>
        this.actions.enter(request as RawRequest, response),
      );
    }
  }

  #install(adapter: HttpServer): void {
    const { actions } = this;
    const platform = adapter?.getType();
    if (!this.platforms.includes(platform as Platform)) {
      return;
    }
    if (platform === 'express') {
      const express = adapter.getInstance() as ExpressInstance;
      express.use((request, response, next) => actions.run(request as RawRequest, response, next));
    } else {
      const fastify = adapter.getInstance() as FastifyInstance;
      fastify.addHook('onRequest', (request, reply, done) => actions.run(request.raw as RawRequest, reply.raw, done));
    }
  }
}
