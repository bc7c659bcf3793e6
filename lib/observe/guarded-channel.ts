/*
 * Node turns what a subscriber of a channel throws into an uncaught exception, which ends the process. So these channels
 * call their subscribers, and the stores that are bound to them, one by one. Node 20 to 26 keeps both lists on the channel,
 * no matter who subscribed first. If a version of Node has no such lists, the channel uses Node's own methods.
 */
import { channel, type Channel } from 'node:diagnostics_channel';
import { warnProcess } from '../util/process-warning.ts';

/** A store that `channel.bindStore` takes: an `AsyncLocalStorage`, or any object with such a method. */
export interface ChannelStore {
  run<R>(value: unknown, fn: () => R): R;
}

/** Makes the value of a store. */
type Transform = (message: unknown) => unknown;

interface Lists {
  readonly _subscribers?: readonly ((message: unknown, name: string | symbol) => unknown)[];
  readonly _stores?: ReadonlyMap<ChannelStore, Transform | undefined>;
}

let report = warnProcess;

/** Passes what a subscriber throws to this listener. Default: a warning of the process. */
export function reportThrownTo(listener: (thrown: unknown) => void): void {
  report = listener;
}

/** Returns the channel of this name. What its subscribers throw does not reach the code that publishes. */
export function guardedChannel(name: string): Channel {
  const it = channel(name) as Channel & Lists;
  const methods = {
    publish(message: unknown): void {
      const { _subscribers: subscribers } = it;
      if (subscribers) {
        // A copy of the list: a subscriber can unsubscribe.
        for (const subscriber of subscribers.slice()) {
          try {
            const returned: unknown = subscriber(message, it.name);
            if (returned instanceof Promise) {
              returned.catch(report);
            }
          } catch (thrown) {
            report(thrown);
          }
        }
      } else {
        own(it).publish.call(it, message);
      }
    },
    runStores<R>(message: unknown, fn: (...args: unknown[]) => R, thisArg?: unknown, ...args: unknown[]): R {
      const { _stores: stores } = it;
      if (!stores) {
        return own(it).runStores.call(it, message, fn, thisArg, ...args) as R;
      }
      let run = (): R => {
        it.publish(message);
        return Reflect.apply(fn, thisArg, args);
      };
      for (const [store, transform] of stores) {
        const next = run;
        run = () => runIn(store, transform, message, next);
      }
      return run();
    },
  };
  for (const [key, value] of Object.entries(methods)) {
    Object.defineProperty(it, key, { value, configurable: true, writable: true });
  }
  return it;
}

/** The methods that Node's channel has now: it changes its prototype when the first subscriber comes or the last one goes. */
function own(it: Channel): Pick<Channel, 'publish' | 'runStores'> {
  return Object.getPrototypeOf(it) as Channel;
}

/**
 * Calls `next` once in any case: within the store, or without it if the store or the value fails. If the store calls its
 * function later, or again, nothing happens.
 */
function runIn<R>(store: ChannelStore, transform: Transform | undefined, message: unknown, next: () => R): R {
  let ended: { readonly result: R } | { readonly error: unknown } | undefined;
  let isBegun = false;
  try {
    store.run(transform ? transform(message) : message, () => {
      if (isBegun) {
        return;
      }
      isBegun = true;
      try {
        ended = { result: next() };
      } catch (error) {
        ended = { error };
      }
    });
  } catch (thrown) {
    report(thrown);
  }
  if (!ended) {
    isBegun = true;
    return next();
  }
  if ('error' in ended) {
    throw ended.error;
  }
  return ended.result;
}
