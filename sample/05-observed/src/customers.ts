import { setInterval } from 'node:timers/promises';

/** Places orders until the process ends. */
export async function placeOrders(url: string): Promise<void> {
  let order = 1;
  // With `ref: false`, the process can end.
  for await (const _ of setInterval(1_000, undefined, { ref: false })) {
    // While the application closes, it refuses orders.
    await fetch(`${url}/orders/${order++}`, { method: 'POST' }).catch(() => undefined);
  }
}
