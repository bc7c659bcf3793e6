import type { Socket } from 'node:net';

const listenersKey = Symbol('BackgroundTasks.closeListeners');

type WatchedSocket = Socket & { [listenersKey]?: Set<() => void> };

/**
 * Calls the listener when the connection closes. All requests on one connection share one listener of the socket: a
 * client can pipeline any number of them, and Node warns of a leak at eleven.
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
