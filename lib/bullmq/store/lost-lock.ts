import { read } from '../../util/inspect.ts';
import type { BullMq } from './store-packages.ts';

/**
 * The text of the only error about a lock that has no code. It comes from `extendLocks` in `src/classes/lock-manager.ts` of
 * taskforcesh/bullmq.
 */
const NOT_RENEWED = /could not renew lock/i;

/** Whether a worker has lost the lock of a job that it runs: then another worker may run it too. */
export function isLostLock(error: unknown, { JobLockNotExist, JobLockMismatch }: BullMq['ErrorCode']): boolean {
  const code = read(error as object, 'code');
  const message = read(error as object, 'message');
  return (
    code === JobLockNotExist || code === JobLockMismatch || (typeof message === 'string' && NOT_RENEWED.test(message))
  );
}
