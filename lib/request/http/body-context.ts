import type { IncomingMessage } from 'node:http';

/**
 * Has the listeners of a request that is still being received called by the given function: it is the connection that
 * would call them, which is in the async context of no request, and one of them may be what goes on with this one.
 */
export function receiveWithin(request: IncomingMessage, run: (emit: () => boolean) => boolean): void {
  const { 'transfer-encoding': encoding, 'content-length': length } = request.headers;
  // Most have nothing to receive, and are not to pay for it.
  if (encoding === undefined && !Number(length)) {
    return;
  }
  // oxlint-disable-next-line typescript/unbound-method -- applied to its request below
  const { emit } = request;
  request.emit = (...args: Parameters<typeof emit>) => run(() => emit.apply(request, args));
}
