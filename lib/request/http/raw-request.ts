import { IncomingMessage, type ServerResponse } from 'node:http';
import type { ExecutionContext } from '@nestjs/common';

/** Node's request, with what Express and this package attach to it. */
export type RawRequest = IncomingMessage & {
  res?: ServerResponse;
  originalUrl?: string;
  baseUrl?: string;
  route?: { readonly path?: unknown };
} & { [key: symbol]: unknown };

/** An object that holds an HTTP request: Fastify's request, or the context of a GraphQL request. */
interface RequestHolder {
  raw?: object;
  req?: RequestHolder;
  request?: RequestHolder;
}

/** Finds Node's request in the request of any platform. Returns `undefined` if it gets no object. */
export function rawRequestOf(request: unknown): RawRequest | undefined {
  if (typeof request !== 'object' || request === null) {
    return undefined;
  }
  // First, because middleware may have set a property `req`, `request` or `raw` on Node's request.
  if (request instanceof IncomingMessage) {
    return request as RawRequest;
  }
  const { req, request: inner } = request as RequestHolder;
  const holder = isHolder(req) ? req : isHolder(inner) ? inner : (request as RequestHolder);
  return (isHolder(holder.raw) && !(holder instanceof IncomingMessage) ? holder.raw : holder) as RawRequest;
}

/** Whether it is the context that GraphQL makes for a request, and not the request itself. */
export function isGraphQlContext(request: unknown): boolean {
  const { req, request: inner } = (request ?? {}) as RequestHolder;
  return !(request instanceof IncomingMessage) && (isHolder(req) || isHolder(inner));
}

/** Returns what Nest would give for the token `REQUEST`, in a guard, an interceptor or a parameter decorator. */
export function requestIn(context: ExecutionContext): unknown {
  switch (context.getType<string>()) {
    case 'http':
      // The same, but `switchToHttp` makes three functions for each call. The context of a test may have nothing else.
      return 'getArgByIndex' in context
        ? context.getArgByIndex<unknown>(0)
        : (context as ExecutionContext).switchToHttp().getRequest<unknown>();
    case 'graphql':
      // A resolver gets its parent, its arguments, the context and the info.
      return context.getArgByIndex<unknown>(2);
    default:
      return undefined;
  }
}

function isHolder(value: unknown): value is RequestHolder {
  return typeof value === 'object' && value !== null;
}
