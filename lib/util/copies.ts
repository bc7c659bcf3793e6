import { packageFolder } from './package-folder.cjs';
import { perThread } from './per-thread.ts';

/** The folders of all copies of this package that have loaded a Nest module. Test runners load one copy several times. */
const folders = perThread('copies', () => new Set<string>());

/** Notes that this copy has loaded a Nest module. */
export function noteCopy(): void {
  folders.add(packageFolder);
}

export function loadedCopies(): readonly string[] {
  return [...folders];
}
