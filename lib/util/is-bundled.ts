import { isAbsolute } from 'node:path';
import { callersOf } from './call-stack.ts';

/**
 * Whether a bundler has put this package into a file of the application. The files that threads load are missing there. The
 * stack tells: neither `import.meta` nor `__dirname` exists in all forms in which this package is loaded.
 */
export function isPackageBundled(): boolean {
  const file = caller();
  return file !== undefined && !(isAbsolute(file) && /[\\/]is-bundled\.[jt]s$/.test(file));
}

/** The file that calls this function: this one, or the bundle. */
function caller(): string | undefined {
  return callersOf(caller)[0]?.file;
}
