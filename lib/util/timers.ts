// Test runners replace the global timers: `vi.useFakeTimers()`, `jest.useFakeTimers()`, `mock.timers.enable()`. Time then
// stands still until the test moves it on. So this file divides what the package times into two, and no other file of lib
// names the global timers (oxlint checks it):
//
// - Real time: turns of the event loop, limits and deadlines. `drain()` and `app.close()` must not hang while a test has
//   stopped the clock. The functions come from Node's modules when this file loads; Jest leaves those real even if its
//   configuration fakes the globals before.
// - Task time: `delay`, `backoff` and `timeout`. A test that moves the clock on expects them to follow.
import perfHooks from 'node:perf_hooks';
import timers from 'node:timers';
import promises from 'node:timers/promises';

export const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate } = timers;

/** Resolves after a real time, in ms. */
export const sleep = promises.setTimeout;

/** ms of real time, from some start. The system's clock can be set; this one can't. */
export const now: () => number = /* @__PURE__ */ perfHooks.performance.now.bind(perfHooks.performance);

export const { monitorEventLoopDelay } = perfHooks;

export const eventLoopUtilization = /* @__PURE__ */ perfHooks.performance.eventLoopUtilization.bind(
  perfHooks.performance,
);

/** Calls a function in a microtask. Test runners can replace `queueMicrotask` and `nextTick`, but not promises. */
export function soon(fn: () => void): void {
  void Promise.resolve().then(fn);
}

/**
 * Calls a function once, after `ms` of task time.
 *
 * @returns a function that stops the timer
 */
export function afterTaskTime(ms: number, fn: () => void): () => void {
  // All now: a fake clock can't stop a timer of Node, nor Node one of a fake clock.
  const { setTimeout: set, clearTimeout: clear, Date: clock } = globalThis;
  const timer = set(fn, ms);
  return () => {
    // A clock that a test has put back is left alone: `node:test` would remove some timer of its next clock instead.
    if (clear === clearTimeout || (clear === globalThis.clearTimeout && clock === Date)) {
      clear(timer);
    }
  };
}

/** A point in task time. An object if a test had replaced the clock at that moment. */
export type TaskTime = number | { readonly clock: DateConstructor; readonly at: number };

export function taskTime(): TaskTime {
  return isTaskTimeFake() ? { clock: Date, at: Date.now() } : now();
}

/**
 * Returns the ms of task time since then: 0 if a fake clock has started or stopped in between.
 *
 * The times of two clocks can not be compared.
 */
export function msSince(time: TaskTime): number {
  if (typeof time === 'number') {
    return isTaskTimeFake() ? 0 : now() - time;
  }
  return time.clock === Date ? Math.max(0, Date.now() - time.at) : 0;
}

/**
 * Whether a test has stopped task time: it has replaced `setTimeout` and `Date`, which `node:test` and the fake timers of
 * vitest and Jest mark. Tools that trace a process replace only `setTimeout`. Code that replaces only `Date`
 * sets the system's clock.
 */
export function isTaskTimeFake(): boolean {
  if (globalThis.setTimeout === setTimeout) {
    return false;
  }
  const { isFake, isMock } = Date as { isFake?: boolean; isMock?: boolean };
  return isFake === true || isMock === true;
}
