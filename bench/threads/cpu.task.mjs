import { defineTask } from 'nestjs-background-tasks/task';

const thread = import.meta.url;

/** Keeps a processor busy for `ms` by the clock. */
export function busyFor(ms) {
  const end = performance.now() + ms;
  while (performance.now() < end);
  return ms;
}

/** Keeps a processor busy with a fixed amount of work. */
export function work(rounds) {
  let sum = 0;
  for (let i = 0; i < rounds; i++) {
    sum = (sum + Math.sqrt(i) * 31) % 1_000_003;
  }
  return sum;
}

export function addOne(n) {
  return n + 1;
}

/** Every 50th call ends its thread. */
export function dieAtTimes(n) {
  if (n % 50 === 0) {
    process.exit(1);
  }
  return n;
}

export const busyInThread = defineTask(busyFor, { thread, name: 'busyInThread' });
export const workInThread = defineTask(work, { thread, name: 'workInThread' });
export const addOneInThread = defineTask(addOne, { thread, name: 'addOneInThread' });
export const dieInThread = defineTask(dieAtTimes, { thread, name: 'dieInThread' });
