import type { IncomingMessage } from 'node:http';

/**
 * Calls the listeners of a request whose body is still to come through `run`, so that they run in the request's async
 * context.
 */
export function receiveWithin(request: IncomingMessage, run: (emit: () => boolean) => boolean): void {
  const { 'transfer-encoding': encoding, 'content-length': length } = request.headers;
  // Most requests have no body. They don't pay for the patch.
  if (encoding === undefined && !Number(length)) {
    return;
  }
  // Patch of `emit`: the connection emits `data` and `end`, and it is in no request's async context. A body parser goes
  // on with the request in a listener of `end`, so without the patch the handler would run outside of its context.
  // oxlint-disable-next-line typescript/unbound-method -- applied to its request below
  const { emit } = request;
  request.emit = (...args: Parameters<typeof emit>) => run(() => emit.apply(request, args));
}
