/**
 * BullMQ fails a job of a chain or group when a step before it has failed, and gives the reason only as text:
 * `child <queue key>:<id of the step> failed`. In taskforcesh/bullmq the text comes from
 * `src/commands/includes/moveChildFromDependenciesIfNeeded.lua` (Redis) and from `handle_child_failure` in
 * `src/postgres/migrations/0002_functions.sql` (Postgres).
 */
const FAILED_STEP = /^child .*:([\da-f-]{36}) failed$/;

/** @returns the id of the step whose failure made this job fail; `undefined` if the job failed for another reason */
export function failedStepOf(failedReason: string | undefined): string | undefined {
  return FAILED_STEP.exec(failedReason ?? '')?.[1];
}
