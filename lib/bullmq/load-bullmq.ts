import { ModuleImportError } from '../errors/module-import.error.ts';
import { peerMissing } from '../messages.ts';

export type BullMq = typeof import('bullmq');

/** The token of what the package `bullmq` exports. */
export const BULLMQ = Symbol('nestjs-background-tasks.bullmq');

/** @throws ModuleImportError if it isn't installed */
export async function loadBullMq(): Promise<BullMq> {
  try {
    return await import('bullmq');
  } catch (cause) {
    throw new ModuleImportError(peerMissing('nestjs-background-tasks/bullmq', ['bullmq', 'ioredis'], 'pg'), { cause });
  }
}
