/*
 * The diagnostics channels. Each is created once, by name, so that all copies of this package and all subscribers share
 * it. Without subscribers, the only cost is to read `hasSubscribers`: messages are made for subscribers alone.
 *
 * `add`, `enqueue` and `attempt` are tracing channels of Node: `tracing:<name>:start`, `:end`, `:asyncStart`, `:asyncEnd`
 * and `:error` get the same message object, which grows. This package publishes to them itself instead of by
 * `tracePromise`, because Node would put results into the message.
 */
import { type Channel, tracingChannel } from 'node:diagnostics_channel';
import { guardedChannel } from './guarded-channel.ts';

/** The parts of a tracing channel. */
export interface TracedChannel {
  readonly start: Channel;
  readonly end: Channel;
  readonly asyncStart: Channel;
  readonly asyncEnd: Channel;
  readonly error: Channel;
  readonly hasSubscribers: boolean;
}

function traced(name: string): TracedChannel {
  for (const part of ['start', 'end', 'asyncStart', 'asyncEnd', 'error']) {
    guardedChannel(`tracing:${name}:${part}`);
  }
  return tracingChannel(name);
}

/** A task is added. Synchronous: it publishes `start` and `end`. */
export const addChannel = /* @__PURE__ */ traced('nestjs-background-tasks.add');

/** Durable tasks are enqueued: one flush. */
export const enqueueChannel = /* @__PURE__ */ traced('nestjs-background-tasks.enqueue');

/** One attempt runs. */
export const attemptChannel = /* @__PURE__ */ traced('nestjs-background-tasks.attempt');

/** A task takes a step. A plain channel. */
export const stepChannel = /* @__PURE__ */ guardedChannel('nestjs-background-tasks.step');

/** Publishes `start`, calls the function within the bound stores, and publishes `end`. */
export function begin<T>({ start, end: over }: TracedChannel, message: object, fn: () => T): T {
  try {
    return start.runStores(message, fn);
  } finally {
    publish(over, message);
  }
}

/** Publishes that the asynchronous part is over. */
export function end({ asyncStart, asyncEnd }: TracedChannel, message: object): void {
  publish(asyncStart, message);
  publish(asyncEnd, message);
}

/** Most subscribers need few of the five parts. */
function publish(part: Channel, message: object): void {
  if (part.hasSubscribers) {
    part.publish(message);
  }
}
