import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * One request and its response: Node's own objects, on Express and Fastify. The dashboard answers through them, so that no
 * interceptor, serializer or hook of the application changes what the page gets.
 */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The request as guards see it. */
  readonly platformRequest: object;
  /** What the platform has parsed; `undefined` if nothing has. */
  readonly body: unknown;
  /** The path as the server got it, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly params: { readonly [name: string]: string | undefined };
}

interface PlatformRequest {
  readonly raw?: IncomingMessage;
  readonly originalUrl?: string;
  readonly url?: string;
  readonly body?: unknown;
  readonly params?: Exchange['params'];
}

interface PlatformResponse {
  readonly raw?: ServerResponse;
  /** Only on Fastify: after this call, Fastify leaves the response alone. */
  hijack?(): void;
}

export function exchangeOf(platformRequest: object, platformResponse: object): Exchange {
  const request = platformRequest as PlatformRequest;
  const response = platformResponse as PlatformResponse;
  response.hijack?.();
  const [address = '', ...query] = (request.originalUrl ?? request.url ?? '').split('?');
  return {
    request: request.raw ?? (platformRequest as IncomingMessage),
    response: response.raw ?? (platformResponse as ServerResponse),
    platformRequest,
    body: request.body,
    path: withoutHost(address),
    query: new URLSearchParams(query.join('?')),
    params: request.params ?? {},
  };
}

/** Platforms answer `GET http://host/path` and `GET //path` too. In a page, such a path would lead to another host. */
function withoutHost(address: string): string {
  return address.replace(/^[a-z][a-z\d+.-]*:\/\/[^/]*/i, '').replace(/^\/+/, '/');
}

/** Whether the client has left. Node's response of HTTP/2 does not say so, but its stream does. */
export function hasLeft({ response }: Exchange): boolean {
  const { stream } = response as { stream?: { readonly destroyed: boolean } };
  return response.destroyed || stream?.destroyed === true;
}

/** The segments of the address of a view. */
export function viewOf(exchange: Exchange): readonly string[] {
  return ['one', 'two', 'three'].map((name) => paramOf(exchange, name)).filter((segment) => segment !== '');
}

/** One parameter of a route. */
export function paramOf({ params }: Exchange, name: string): string {
  return params[name] ?? '';
}
