/**
 * BullMQ writes and compares the end of a lock by the clock of the process. Two workers whose clocks differ by more than
 * `lockDuration` would run each other's tasks again and again. Here these statements take the time from the server. All other
 * times stay those of the process: the delay of a task is right if the clocks of the processes agree.
 */

const NOW = '(extract(epoch from clock_timestamp()) * 1000)::bigint';

type Rewrite = (parameter: (position: number) => string) => { readonly [position: number]: string };

/** What replaces a parameter of each function of BullMQ's schema. Claims pass the time plus the duration of the lock. */
const STATEMENTS: { readonly [name: string]: { readonly nowAt: number; readonly rewrite: Rewrite } } = {
  move_to_active: { nowAt: 4, rewrite: (at) => ({ 3: `(${at(3)} + ${NOW} - ${at(4)})` }) },
  move_to_completed_fetch: { nowAt: 10, rewrite: (at) => ({ 9: `(${at(9)} + ${NOW} - ${at(10)})` }) },
  move_to_failed_fetch: { nowAt: 11, rewrite: (at) => ({ 10: `(${at(10)} + ${NOW} - ${at(11)})` }) },
  extend_lock: { nowAt: 5, rewrite: (at) => ({ 5: `coalesce(${NOW}, ${at(5)})` }) },
  move_stalled_jobs_to_wait: { nowAt: 3, rewrite: (at) => ({ 3: `coalesce(${NOW}, ${at(3)})` }) },
  // This one is a statement, not a function.
  'SET locked_until_ms': { nowAt: 5, rewrite: (at) => ({ 5: `coalesce(${NOW}, ${at(5)})` }) },
};

/** ms by which a parameter can differ from the time when the statement is sent. */
const TOLERANCE = 60_000;

const rewritten = new Map<string, { readonly text: string; readonly nowAt: number } | undefined>();

/** @returns the statement with the server's time, if it is one about locks */
export function byServerClock(text: string, values: readonly unknown[] = []): string {
  if (!rewritten.has(text)) {
    rewritten.set(text, rewrite(text));
  }
  const found = rewritten.get(text);
  // Another version of BullMQ may have its parameters in another order.
  const isNow = found && Math.abs(Number(values[found.nowAt - 1]) - Date.now()) < TOLERANCE;
  return isNow ? found.text : text;
}

function rewrite(text: string) {
  const sql = text.replaceAll(/--.*$/gm, '');
  const name = Object.keys(STATEMENTS).find((it) => new RegExp(`\\b${it}\\b`).test(sql));
  if (name === undefined) {
    return undefined;
  }
  const { nowAt, rewrite: change } = STATEMENTS[name]!;
  const changes = change((position) => `$${position}::bigint`);
  return {
    nowAt,
    text: sql.replaceAll(/\$(\d+)/g, (parameter, position: string) => changes[Number(position)] ?? parameter),
  };
}
