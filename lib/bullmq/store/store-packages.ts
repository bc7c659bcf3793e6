import type pg from 'pg';
import { ModuleImportError } from '../../errors/module.errors.ts';
import { type BullMqTasksOptions, storeKindOf } from '../bullmq-tasks.options.ts';
import { peerMissing } from '../bullmq.messages.ts';
import { importOutsideJest } from './pglite/load-pglite.cjs';
import type { Pglite } from './pglite/pglite.types.ts';

export type BullMq = typeof import('bullmq');
export type Pg = typeof pg;

/** BullMQ, and the driver that the option `connection` needs. */
export interface StorePackages {
  readonly bullmq: BullMq;
  readonly Redis?: typeof import('ioredis').Redis;
  readonly pg?: Pg;
  readonly pglite?: Pglite;
}

export const STORE_PACKAGES = Symbol('nestjs-background-tasks.store-packages');

const drivers = { redis: 'ioredis', postgres: 'pg', pglite: '@electric-sql/pglite' } as const;

/** @throws ModuleImportError which names the package that can't be loaded */
export async function loadStorePackages(options: BullMqTasksOptions): Promise<StorePackages> {
  const kind = storeKindOf(options);
  const driver = drivers[kind];
  const bullmq = await load(() => import('bullmq'), 'bullmq', driver);
  if (kind === 'pglite') {
    return { bullmq, pglite: await load(importPglite, driver, driver) };
  }
  return kind === 'postgres'
    ? { bullmq, pg: (await load(() => import('pg'), driver, driver)).default }
    : { bullmq, Redis: (await load(() => import('ioredis'), driver, driver)).Redis };
}

async function importPglite(): Promise<Pglite> {
  return process.env['JEST_WORKER_ID'] === undefined ? import('@electric-sql/pglite') : importOutsideJest();
}

async function load<T>(importing: () => Promise<T>, name: string, driver: string): Promise<T> {
  try {
    return await importing();
  } catch (cause) {
    throw new ModuleImportError(peerMissing('nestjs-background-tasks/bullmq', name, ['bullmq', driver]), { cause });
  }
}
