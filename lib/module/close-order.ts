import type { Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';

/**
 * Makes Nest close a module before all others: the providers that tasks use must be open until all tasks are settled. Nest
 * closes modules by their distance from the root, the nearest first, and counts a global module as infinitely far. Call it
 * before the first hook, when Nest sorts the modules.
 */
export function closeBeforeOthers(moduleClass: Type, modules: ModulesContainer): void {
  for (const module of modules.values()) {
    if (module.metatype === moduleClass) {
      module.distance = -1;
    }
  }
}
