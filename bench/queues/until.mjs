import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Polls a condition that emits no event, for a limited number of ms. Resolves with whether it became true.
 *
 * @param condition may be asynchronous
 */
export async function until(condition, ms) {
  const end = performance.now() + ms;
  while (performance.now() < end) {
    if (await condition()) {
      return true;
    }
    await sleep(25);
  }
  return false;
}
