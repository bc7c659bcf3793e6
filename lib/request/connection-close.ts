import type { Socket } from 'node:net';

const listenersKey = Symbol('BackgroundTasks.closeListeners');

type WatchedSocket = Socket & { [listenersKey]?: Set<() => void> };

/**
 * Calls the listener when the connection has closed. A client can pipeline any number of requests on one connection, so
 * all of them share one listener on it.
 *
 * @returns stops listening
 */
export function onceConnectionCloses(socket: WatchedSocket, listener: () => void): () => void {
  let listeners = socket[listenersKey];
  if (!listeners) {
    const shared = new Set<() => void>();
    socket[listenersKey] = listeners = shared;
    socket.once('close', () => shared.forEach((notify) => notify()));
  }
  listeners.add(listener);
  return () => listeners.delete(listener);
}
