import type { Channel } from 'node:diagnostics_channel';
import type { Context } from '@opentelemetry/api';

type Subscriber<M> = (message: M) => void;

/** Keeps what an instrumentation has subscribed to, so that it can end all of it. */
export class Subscriptions {
  readonly #ends: (() => void)[] = [];
  /** Each ends a lasting subscription: these are needed until all that has begun is over. */
  #lastEnds: (() => void)[] = [];
  /** How much has begun and is not over. */
  #begun = 0;

  get isEmpty(): boolean {
    return this.#ends.length === 0;
  }

  add<M>(channel: Channel, subscriber: Subscriber<M>): void {
    this.#ends.push(subscribed(channel, subscriber));
  }

  /** Subscribes like `add`, but stays after `end` until all that has begun is over. */
  addLasting<M>(channel: Channel, subscriber: Subscriber<M>): void {
    this.#lastEnds.push(subscribed(channel, subscriber));
  }

  /** Notes that something has begun whose end must be heard. */
  begin(): void {
    this.#begun++;
  }

  finish(): void {
    this.#begun--;
    this.#endLast();
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
    this.#endLast();
  }

  #endLast(): void {
    if (this.isEmpty && this.#begun === 0) {
      this.#lastEnds.splice(0).forEach((end) => end());
    }
  }
}

/** @returns a function that ends it */
function subscribed<M>(channel: Channel, subscriber: Subscriber<M>): () => void {
  const listener = (message: unknown) => subscriber(message as M);
  channel.subscribe(listener);
  return () => channel.unsubscribe(listener);
}
