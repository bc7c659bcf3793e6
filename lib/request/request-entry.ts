import type { ServerResponse } from 'node:http';
import { Scope } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import type { CollectionResolver } from './collection-resolver.ts';
import type { HttpCollection } from './http-collection.ts';
import { receiveWithin } from './http/body-context.ts';
import { PlatformHook } from './http/platform-hook.ts';
import type { RawRequest } from './http/raw-request.ts';
import type { RequestContext } from './request-context.ts';

/**
 * Decides what an application does first with each HTTP request. A singleton `BackgroundTasks` finds the request by its
 * async context, so each request enters its own. One `BackgroundTasks` per request gets the request from Nest: only
 * Fastify's raw requests need help, because they don't hold their response.
 */
export function createPlatformHook(
  adapterHost: HttpAdapterHost,
  scope: Scope,
  collections: CollectionResolver,
  context: RequestContext,
): PlatformHook {
  if (scope === Scope.DEFAULT) {
    const enter = (request: RawRequest, response: ServerResponse) =>
      collections.find(request) ?? createEntered(request, response, collections, context);
    return new PlatformHook(adapterHost, ['express', 'fastify'], {
      run: (request, response, next) => context.run(enter(request, response), next),
      enter: (request, response) => context.enter(enter(request, response)),
    });
  }
  return new PlatformHook(adapterHost, ['fastify'], {
    run: (request, response, next) => {
      collections.link(request, response);
      next();
    },
    enter: (request, response) => collections.link(request, response),
  });
}

function createEntered(
  request: RawRequest,
  response: ServerResponse,
  collections: CollectionResolver,
  context: RequestContext,
): HttpCollection {
  const collection = collections.create(request, response);
  receiveWithin(request, (emit) => context.run(collection, emit));
  return collection;
}
