import { ModuleImportError } from '../errors/module-import.error.ts';
import { peerMissing } from '../messages.ts';
import { isPostgres, type BullMqTasksOptions } from './bullmq-tasks.options.ts';

export type BullMq = typeof import('bullmq');

/** What has to be installed beside this package, as far as the store needs it. */
export interface StorePackages {
  readonly bullmq: BullMq;
  readonly Redis?: typeof import('ioredis').Redis;
  readonly pg?: typeof import('pg').default;
}

export const STORE_PACKAGES = Symbol('nestjs-background-tasks.store-packages');

/** @throws ModuleImportError which names what isn't installed */
export async function loadStorePackages(options: BullMqTasksOptions): Promise<StorePackages> {
  const driver = isPostgres(options) ? 'pg' : 'ioredis';
  const bullmq = await load(() => import('bullmq'), 'bullmq', driver);
  return isPostgres(options)
    ? { bullmq, pg: (await load(() => import('pg'), 'pg', driver)).default }
    : { bullmq, Redis: (await load(() => import('ioredis'), 'ioredis', driver)).Redis };
}

async function load<T>(importing: () => Promise<T>, name: string, driver: string): Promise<T> {
  try {
    return await importing();
  } catch (cause) {
    throw new ModuleImportError(peerMissing('nestjs-background-tasks/bullmq', name, ['bullmq', driver]), { cause });
  }
}
