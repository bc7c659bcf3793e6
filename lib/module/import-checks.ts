import type { DynamicModule, Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { ModuleImportError } from '../errors/module.errors.ts';
import { isTaskThread } from '../task/definition/thread-registry.ts';
import { loadedCopies } from '../util/copies.ts';
import { forRootInThread, importedMoreThanOnce, importedWithoutForRoot, severalCopies } from './module.messages.ts';

type Import = Type | DynamicModule | undefined;

/**
 * @throws ModuleImportError if the module is imported more than once or without options; it names the importing modules
 */
export function assertImportedOnce(moduleClass: Type, options: unknown, modules: ModulesContainer): void {
  const metatypes = Array.from(modules.values(), ({ metatype }) => metatype);
  const times = metatypes.filter((metatype) => metatype === moduleClass).length;
  // Nest adds a global module to the imports of every module. Only the decorators tell which modules name it
  // themselves.
  const importers = metatypes.filter((metatype) => importsOf(metatype).some((it) => classOf(it) === moduleClass));
  const names = importers.map(({ name }) => name);
  if (times > 1) {
    throw new ModuleImportError(importedMoreThanOnce(times, names));
  }
  if (options === undefined) {
    throw new ModuleImportError(importedWithoutForRoot(names));
  }
}

/** @throws ModuleImportError if it is called in a worker thread of a task */
export function assertNotInThread(): void {
  if (isTaskThread()) {
    throw new ModuleImportError(forRootInThread());
  }
}

/**
 * Nest finds providers by their class, and each copy of this package has classes of its own. So an application whose files
 * load two copies would fail at a missing provider.
 *
 * @throws ModuleImportError if several copies of this package are loaded; it names their folders
 */
export function assertOneCopy(): void {
  const copies = loadedCopies();
  if (copies.length > 1) {
    throw new ModuleImportError(severalCopies(copies));
  }
}

function importsOf(metatype: Type): Import[] {
  return (Reflect.getMetadata('imports', metatype) ?? []) as Import[];
}

function classOf(imported: Import): Type | undefined {
  return imported && 'module' in imported ? imported.module : imported;
}
