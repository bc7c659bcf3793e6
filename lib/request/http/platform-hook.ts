// Sees each HTTP request before all other code of the application, so that all of it runs in the request's async
// context. It uses the platform's own entrance, which costs 3 % of the requests per second: Nest's middleware costs 14 %.
//
// Express: a patch of the application's `handle`. Each request passes through it, also one of a further server, or of an
// application in which this one is mounted. As Express's middleware, the hook would cost each request 0.8 kB and twice the
// time, because the router matches each layer with the path.
//
// Fastify: the server's `request` event, which comes before middleware. Injected requests, and requests of further servers
// (Fastify starts one for each address), don't pass through that event: an `onRequest` hook catches them.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { HttpServer, OnModuleInit } from '@nestjs/common';
import { AbstractHttpAdapter, type HttpAdapterHost } from '@nestjs/core';
import { UnsupportedPlatformError } from '../../errors/module.errors.ts';
import { unsupportedPlatform } from './http.messages.ts';
import type { RawRequest } from './raw-request.ts';
import { linkFastifyRequest } from './request-route.ts';

/** What happens first with each request. On Fastify both can be called for one request. */
export interface HookActions {
  /** Calls `next`, which does the rest of the request. */
  run(request: RawRequest, response: ServerResponse, next: () => void): void;
  /** Works where the rest of the request can't be wrapped: in a listener of the server. */
  enter(request: RawRequest, response: ServerResponse): void;
}

type Platform = 'express' | 'fastify';

type Handle = (request: IncomingMessage, response: ServerResponse, next?: () => void) => void;

interface ExpressInstance {
  /** What the server's listener calls, and an application in which this one is mounted. */
  handle: Handle;
}

type OnRequest = (request: { raw: IncomingMessage }, reply: { raw: ServerResponse }, done: () => void) => void;

interface FastifyInstance {
  addHook(name: 'onRequest', hook: OnRequest): void;
}

/** Nest's adapter of Fastify has one hook that Fastify calls before all others. The first Nest 11 doesn't have it. */
interface FastifyHooks {
  setOnRequestHook?(hook: OnRequest): void;
  onRequestHook?: OnRequest;
}

/** Calls the actions for each HTTP request on the given platforms, before everything else. */
export class PlatformHook implements OnModuleInit {
  /** `undefined` in an application without HTTP. */
  #adapter?: HttpServer;

  constructor(
    adapterHost: HttpAdapterHost,
    private readonly platforms: readonly Platform[],
    private readonly actions: HookActions,
  ) {
    // Nest's testing module gets its platform only when its application is made.
    adapterHost.init$.subscribe(() => this.#install((this.#adapter = adapterHost.httpAdapter)));
  }

  /**
   * Nest calls it when the server exists and before the server listens.
   *
   * @throws UnsupportedPlatformError if the platform is neither Express nor Fastify
   */
  onModuleInit(): void {
    const adapter = this.#adapter;
    const platform = adapter?.getType();
    if (platform && platform !== 'express' && platform !== 'fastify') {
      throw new UnsupportedPlatformError(unsupportedPlatform(platform));
    }
    if (adapter && platform === 'fastify' && this.platforms.includes(platform)) {
      // Middleware runs before Fastify's hooks. Only the server's own event comes earlier.
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
      const { handle } = express;
      express.handle = (request, response, next) =>
        actions.run(request as RawRequest, response, () => handle.call(express, request, response, next));
    } else {
      this.#installOnFastify(adapter, (request, reply, done) => {
        linkFastifyRequest(request.raw as RawRequest, request);
        actions.run(request.raw as RawRequest, reply.raw, done);
      });
    }
  }

  #installOnFastify(adapter: HttpServer, hook: OnRequest): void {
    const fastify = adapter as FastifyHooks;
    if (fastify.setOnRequestHook === (AbstractHttpAdapter.prototype as FastifyHooks).setOnRequestHook) {
      // The first Nest 11: here middleware runs before the hook if the request doesn't come by the watched server.
      (adapter.getInstance() as FastifyInstance).addHook('onRequest', hook);
      return;
    }
    // The adapter keeps one hook: if another package has set its own, ours calls it.
    const { onRequestHook: other } = fastify;
    fastify.setOnRequestHook!(
      other ? (request, reply, done) => hook(request, reply, () => other(request, reply, done)) : hook,
    );
  }
}
