import type { Channel } from 'node:diagnostics_channel';
import type { Context } from '@opentelemetry/api';

type Subscriber<M> = (message: M) => void;

/** What an instrumentation has subscribed to, so that it can end all of it. */
export class Subscriptions {
  readonly #ends: (() => void)[] = [];

  get isEmpty(): boolean {
    return this.#ends.length === 0;
  }

  add<M>(channel: Channel, subscriber: Subscriber<M>): void {
    const listener = (message: unknown) => subscriber(message as M);
    channel.subscribe(listener);
    this.#ends.push(() => channel.unsubscribe(listener));
  }

  /** Makes the context that `contextOf` returns active while the channel's function runs. */
  bind(
    channel: Channel,
    run: (context: Context, fn: () => unknown) => unknown,
    contextOf: (message: unknown) => Context,
  ): void {
    // The channel calls nothing but `run`.
    const store = { run } as unknown as Parameters<Channel['bindStore']>[0];
    channel.bindStore(store, contextOf);
    this.#ends.push(() => channel.unbindStore(store));
  }

  end(): void {
    this.#ends.splice(0).forEach((end) => end());
  }
}
