/**
 * Decides whether a function begins or its run is withdrawn. Both threads share it, and only the first of the two calls
 * returns true, so a function never begins after its task was cancelled.
 */
export type Beginning = Int32Array<SharedArrayBuffer>;

const OPEN = 0;
const BEGUN = 1;
const WITHDRAWN = 2;

export function createBeginning(): Beginning {
  return new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
}

/** The thread that runs the task calls this just before the function. */
export function tryBegin(beginning: Beginning): boolean {
  return Atomics.compareExchange(beginning, 0, OPEN, BEGUN) === OPEN;
}

/** The main thread calls this when the task is aborted. */
export function tryWithdraw(beginning: Beginning): boolean {
  return Atomics.compareExchange(beginning, 0, OPEN, WITHDRAWN) === OPEN;
}
