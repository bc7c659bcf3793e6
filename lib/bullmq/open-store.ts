import { isPostgres, type BullMqTasksOptions } from './bullmq-tasks.options.ts';
import { PostgresStore } from './postgres-store.ts';
import { RedisStore } from './redis-store.ts';
import type { StorePackages } from './store-packages.ts';
import type { Store } from './store.ts';

/** @param onError is told each time that the store is away */
export function openStore(
  packages: StorePackages,
  options: BullMqTasksOptions,
  onError: (error: Error) => void,
): Store {
  return isPostgres(options)
    ? new PostgresStore(packages.bullmq, packages.pg!, options, onError)
    : new RedisStore(packages.Redis!, options, onError);
}
