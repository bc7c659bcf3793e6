import { computed, signal } from '@preact/signals';
import { clockOffset } from '../api/live.ts';

const browserTime = signal(Date.now());

/** The server's time in ms since 1970. Changes once a second while the page is visible. */
export const now = computed(() => browserTime.value + clockOffset.value);

function tick(): void {
  if (!document.hidden) {
    browserTime.value = Date.now();
  }
}

export function startClock(): void {
  setInterval(tick, 1000);
  document.addEventListener('visibilitychange', tick);
}
