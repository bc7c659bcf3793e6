import type { LazyModuleLoader } from '@nestjs/core';

/**
 * Calls a check after each module that is loaded lazily. Nest calls no hooks of such modules. If the check throws, `load`
 * rejects with its error.
 */
export function checkLazyModules(loader: LazyModuleLoader, check: () => void): void {
  const load = loader.load.bind(loader);
  loader.load = async (...args) => {
    const loaded = await load(...args);
    check();
    return loaded;
  };
}
