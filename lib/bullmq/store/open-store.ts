import { type BullMqTasksOptions, storeKindOf } from '../bullmq-tasks.options.ts';
import { PgliteStore } from './pglite/pglite.store.ts';
import { PostgresStore } from './postgres.store.ts';
import { RedisStore } from './redis.store.ts';
import type { StorePackages } from './store-packages.ts';
import type { Store } from './store.ts';

/** @param onError is told of each failed connection */
export function openStore(
  { bullmq, Redis, pg, pglite }: StorePackages,
  options: BullMqTasksOptions,
  onError: (error: Error) => void,
): Store {
  const kind = storeKindOf(options);
  if (kind === 'pglite') {
    return new PgliteStore(bullmq, pglite!, options);
  }
  return kind === 'postgres'
    ? new PostgresStore(bullmq, pg!, options, onError)
    : new RedisStore(Redis!, options, onError);
}
