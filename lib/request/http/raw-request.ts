import { IncomingMessage, type ServerResponse } from 'node:http';
import type { ExecutionContext } from '@nestjs/common';

/** A request as Node made it, with what Express and this package attach to it. */
export type RawRequest = IncomingMessage & { res?: ServerResponse; originalUrl?: string } & { [key: symbol]: unknown };

/** What has an HTTP request in it: one of Fastify, or the context of a GraphQL request. */
interface RequestHolder {
  raw?: object;
  req?: RequestHolder;
  request?: RequestHolder;
}

/** Node's request, from that of whichever platform; `undefined` of what is no object. */
export function rawRequestOf(request: unknown): RawRequest | undefined {
  if (typeof request !== 'object' || request === null) {
    return undefined;
  }
  // Then what middleware keeps in its properties is of no interest.
  if (request instanceof IncomingMessage) {
    return request as RawRequest;
  }
  const { req, request: inner } = request as RequestHolder;
  const holder = isHolder(req) ? req : isHolder(inner) ? inner : (request as RequestHolder);
  return (isHolder(holder.raw) && !(holder instanceof IncomingMessage) ? holder.raw : holder) as RawRequest;
}

/** Whether it is what GraphQL makes for a request, which holds that. */
export function isGraphQlContext(request: unknown): boolean {
  const { req, request: inner } = (request ?? {}) as RequestHolder;
  return !(request instanceof IncomingMessage) && (isHolder(req) || isHolder(inner));
}

/** What stands for the request in a guard, an interceptor or a parameter decorator. */
export function requestIn(context: ExecutionContext): unknown {
  switch (context.getType<string>()) {
    case 'http':
      return context.switchToHttp().getRequest<unknown>();
    case 'graphql':
      // A resolver's arguments are its parent, its arguments, the context and the info.
      return context.getArgByIndex<unknown>(2);
    default:
      return undefined;
  }
}

function isHolder(value: unknown): value is RequestHolder {
  return typeof value === 'object' && value !== null;
}
