/**
 * BullMQ's functions for schedules read a schedule and then write it. When two processes add one schedule at once, as at
 * the start of a deployment, each adds a run of its own. Then each run leaves it to the other to add the next one, and the
 * schedule ends without an error. Here these statements wait for each other, as on Redis, where a script runs alone.
 */

const CHANGES = /\b(?:add_job_scheduler|update_job_scheduler_next_millis|remove_job_scheduler)\(\$1, \$2/;

const locked = new Map<string, string>();

/** @returns the statement. If it changes a schedule, it now also holds a lock of that schedule until it ends */
export function oneScheduleChange(text: string): string {
  if (!locked.has(text)) {
    locked.set(text, CHANGES.test(text) ? withLock(text) : text);
  }
  return locked.get(text)!;
}

/** The function takes the queue's name from a subquery, so the lock is there before the function begins. */
function withLock(text: string): string {
  const lock = `pg_advisory_xact_lock(hashtext('bullmq:schedule:' || current_schema() || $1::text), hashtext($2::text))`;
  return text.replace(CHANGES, (call) => call.replace('$1', () => `(SELECT $1::text || ${lock}::text)`));
}
