import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Whether something that tells nobody has come to be so within so many ms.
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
