import { beforeEach, expect, test, vi } from 'vitest';
import { retryUntil } from '../lib/util/retry-until.ts';

/** The waits of the loop, in ms. */
const waits: { ms: number; ref: boolean }[] = [];

vi.mock('../lib/util/timers.ts', () => ({
  sleep: async (ms: number, _value: undefined, { ref }: { ref: boolean }) => void waits.push({ ms, ref }),
}));

beforeEach(() => {
  waits.length = 0;
});

/** Returns these values one after the other. */
function answers<T>(...values: T[]) {
  return vi.fn(async () => values.shift());
}

const delays = () => waits.map(({ ms }) => ms);

test('the first answer is returned without a wait', async () => {
  expect(await retryUntil(answers('yes'), { delay: 5 })).toBe('yes');
  expect(waits).toEqual([]);
});

test.each([false, null, 0, ''])('%j is an answer too', async (answer) => {
  expect(await retryUntil(answers(undefined, answer), { delay: 5 })).toBe(answer);
  expect(delays()).toEqual([5]);
});

test('waits are equally long by default, and keep the process alive', async () => {
  await retryUntil(answers(undefined, undefined, undefined, 1), { delay: 5 });
  expect(waits).toEqual(Array.from({ length: 3 }, () => ({ ms: 5, ref: true })));
});

test('waits grow by the factor up to the longest', async () => {
  const tryOnce = answers(...Array.from({ length: 5 }, () => undefined), 1);
  await retryUntil(tryOnce, { delay: 20, factor: 2, maxDelay: 100, unref: true });
  expect(delays()).toEqual([20, 40, 80, 100, 100]);
  expect(waits.every(({ ref }) => !ref)).toBe(true);
});

test('shouldStop is called before each try', async () => {
  const tryOnce = answers<number | undefined>();
  expect(await retryUntil(tryOnce, { delay: 5, shouldStop: () => tryOnce.mock.calls.length === 2 })).toBeUndefined();
  expect(delays()).toEqual([5, 5]);
  const never = answers(1);
  expect(await retryUntil(never, { delay: 5, shouldStop: () => true })).toBeUndefined();
  expect(never).not.toHaveBeenCalled();
});

test('an error ends the loop', async () => {
  const tryOnce = vi.fn(async () => Promise.reject<undefined>(new RangeError('no')));
  await expect(retryUntil(tryOnce, { delay: 5 })).rejects.toThrow(RangeError);
  expect(tryOnce).toHaveBeenCalledTimes(1);
});
