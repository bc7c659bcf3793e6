import type { RawRequest } from './raw-request.ts';

/** Where a raw request of Fastify holds Fastify's own request. */
const fastifyKey = Symbol('BackgroundTasks.fastifyRequest');

interface FastifyRequest {
  readonly routeOptions?: { readonly url?: string | undefined } | undefined;
}

/** Remembers the request that knows its route. To read the route here would cost each request. */
export function linkFastifyRequest(raw: RawRequest, request: object): void {
  raw[fastifyKey] = request;
}

/** `POST /orders/17`, without the query: it may hold secrets. */
export function pathOf({ method, originalUrl, url }: RawRequest): string {
  const [path] = (originalUrl ?? url ?? '').split('?');
  return `${method} ${path}`;
}

/** `POST /orders/:id`; the path where no route has matched, as in middleware. */
export function routeOf(raw: RawRequest): string {
  const pattern = expressPattern(raw) ?? (raw[fastifyKey] as FastifyRequest | undefined)?.routeOptions?.url;
  return pattern === undefined ? pathOf(raw) : `${raw.method} ${pattern}`;
}

function expressPattern({ route, baseUrl = '' }: RawRequest): string | undefined {
  // A route of Express can have a list of paths, or a regular expression.
  return typeof route?.path === 'string' ? baseUrl + route.path : undefined;
}
