import type { DynamicModule, Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { ModuleImportError } from '../errors/module.errors.ts';
import { anyThreadTask, noteApplicationFile } from '../task/definition/application-files.ts';
import { isTaskThread } from '../task/definition/thread-registry.ts';
import { definedBesideForRoot, packageInBundle } from '../task/task.messages.ts';
import { callersOf } from '../util/call-stack.ts';
import { loadedCopies } from '../util/copies.ts';
import { isPackageBundled } from '../util/is-bundled.ts';
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

/**
 * `forRoot` calls this.
 *
 * @throws ModuleImportError if the call is in a worker thread of a task, or would be if a thread loads a file of a task
 */
export function assertNotInThread(): void {
  if (isTaskThread()) {
    throw new ModuleImportError(forRootInThread());
  }
  if (isPackageBundled()) {
    const task = anyThreadTask();
    if (task !== undefined) {
      throw new ModuleImportError(packageInBundle(task));
    }
    return;
  }
  const [{ file: ownFile } = {}, ...callers] = callersOf(assertNotInThread);
  const caller = callers.find(({ file }) => file !== ownFile)?.file;
  const task = caller === undefined ? undefined : noteApplicationFile(caller);
  if (task !== undefined) {
    throw new ModuleImportError(definedBesideForRoot(task, caller!));
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
