import type { DynamicModule, Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { ModuleImportError } from '../errors/module.errors.ts';
import { isTaskThread } from '../task/definition/thread-registry.ts';
import { forRootInThread, importedMoreThanOnce, importedWithoutForRoot } from './module.messages.ts';

type Import = Type | DynamicModule | undefined;

/** @throws ModuleImportError which names the modules that import it */
export function assertImportedOnce(moduleClass: Type, options: unknown, modules: ModulesContainer): void {
  const metatypes = Array.from(modules.values(), ({ metatype }) => metatype);
  const times = metatypes.filter((metatype) => metatype === moduleClass).length;
  // Nest adds a global module to the imports of all, so that only what was decorated tells who wrote it there.
  const importers = metatypes.filter((metatype) => importsOf(metatype).some((it) => classOf(it) === moduleClass));
  const names = importers.map(({ name }) => name);
  if (times > 1) {
    throw new ModuleImportError(importedMoreThanOnce(times, names));
  }
  if (options === undefined) {
    throw new ModuleImportError(importedWithoutForRoot(names));
  }
}

/**
 * Nest calls the hooks of an application that closes module by module: the nearer to the root the sooner, and those of
 * global modules, which count as infinitely far, in the end. But what tasks use has to be there as long as there are tasks,
 * so that this module, global as it is, goes before the root. To be called before the first hook, when Nest sorts them.
 */
export function closeBeforeOthers(moduleClass: Type, modules: ModulesContainer): void {
  for (const module of modules.values()) {
    if (module.metatype === moduleClass) {
      module.distance = -1;
    }
  }
}

/** @throws ModuleImportError */
export function assertNotInThread(): void {
  if (isTaskThread()) {
    throw new ModuleImportError(forRootInThread());
  }
}

function importsOf(metatype: Type): Import[] {
  return (Reflect.getMetadata('imports', metatype) ?? []) as Import[];
}

function classOf(imported: Import): Type | undefined {
  return imported && 'module' in imported ? imported.module : imported;
}
