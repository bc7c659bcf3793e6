import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpServer } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import { UnsupportedPlatformError } from '../errors/unsupported-platform.error.ts';
import { unsupportedPlatform } from '../messages.ts';
import type { RawRequest } from './raw-request.ts';

/** Is called with each request before everything else, and goes on by `next`. */
export type EnterRequest = (request: RawRequest, response: ServerResponse, next: () => void) => void;

type Platform = 'express' | 'fastify';

/** Where each HTTP request passes through first: the platform's own middleware, since Nest's costs more. */
export class RequestEntry {
  #adapter?: HttpServer;

  /** @param platforms on which it is needed */
  constructor(
    adapterHost: HttpAdapterHost,
    private readonly platforms: readonly Platform[],
    private readonly enter: EnterRequest,
  ) {
    // Nest's testing module has no platform before its application is made.
    adapterHost.init$.subscribe(() => this.#install((this.#adapter = adapterHost.httpAdapter)));
  }

  /** @throws UnsupportedPlatformError */
  assertPlatform(): void {
    const platform = this.#adapter?.getType();
    if (platform && platform !== 'express' && platform !== 'fastify') {
      throw new UnsupportedPlatformError(unsupportedPlatform(platform));
    }
  }

  #install(adapter: HttpServer): void {
    if (this.platforms.includes(adapter?.getType() as Platform)) {
      // Before any other: applications have theirs added later. On Fastify, also where a request comes by another server
      // than the first, of which it starts one for each address, or by none, as those that are injected.
      adapter.use((request: IncomingMessage, response: ServerResponse, next: () => void) =>
        this.enter(request as RawRequest, response, next),
      );
    }
  }
}
