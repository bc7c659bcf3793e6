import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { HttpServer } from '@nestjs/common';
import { AbstractHttpAdapter, type HttpAdapterHost } from '@nestjs/core';
import { UnsupportedPlatformError } from '../../errors/module.errors.ts';
import { unsupportedPlatform } from './http.messages.ts';
import type { RawRequest } from './raw-request.ts';

/** What is done with each request before everything else. */
export interface HookActions {
  /** Does it around everything that is done for the request. */
  run(request: RawRequest, response: ServerResponse, next: () => void): void;
  /** Does it for the current async context. */
  enter(request: RawRequest, response: ServerResponse): void;
}

type Platform = 'express' | 'fastify';

interface ExpressInstance {
  use(handler: (request: IncomingMessage, response: ServerResponse, next: () => void) => void): void;
}

type OnRequest = (request: { raw: IncomingMessage }, reply: { raw: ServerResponse }, done: () => void) => void;

interface FastifyInstance {
  addHook(name: 'onRequest', hook: OnRequest): void;
}

/** Nest's adapter has one hook that is called before all others. */
interface FastifyHooks {
  setOnRequestHook?(hook: OnRequest): void;
  onRequestHook?: OnRequest;
}

/** Where each HTTP request passes through first: the platform's own way, since Nest's middleware costs more. */
export class PlatformHook {
  #adapter?: HttpServer;

  /** @param platforms on which it is needed */
  constructor(
    adapterHost: HttpAdapterHost,
    private readonly platforms: readonly Platform[],
    private readonly actions: HookActions,
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
      const hook: OnRequest = (request, reply, done) => actions.run(request.raw as RawRequest, reply.raw, done);
      const fastify = adapter as FastifyHooks;
      if (fastify.setOnRequestHook === (AbstractHttpAdapter.prototype as FastifyHooks).setOnRequestHook) {
        // Of the first Nest 11: middleware of requests that no server of ours has seen goes before it.
        (adapter.getInstance() as FastifyInstance).addHook('onRequest', hook);
      } else {
        // Before middleware, also where a request comes by another server than the first, of which Fastify starts one for
        // each address, or by none, as those that are injected.
        const { onRequestHook: other } = fastify;
        fastify.setOnRequestHook!(
          other ? (request, reply, done) => hook(request, reply, () => other(request, reply, done)) : hook,
        );
      }
    }
  }
}
