import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { DefineTaskError } from '../../errors/task.errors.ts';
import { describe } from '../../util/inspect.ts';
import { definedInEntryFile, threadIsNoModule } from '../task.messages.ts';

/**
 * The URL under which a thread finds the module of a task.
 *
 * @throws DefineTaskError if that is no file, or the one with which the process was started
 */
export function threadModule(name: string, thread: string | URL): string {
  const url = fileUrl(thread);
  if (!url) {
    throw new DefineTaskError(threadIsNoModule(name, describe(thread instanceof URL ? thread.href : thread)));
  }
  // Module loaders and test runners add queries of their own, to load a file anew.
  url.search = '';
  url.hash = '';
  if (isEntryFile(url)) {
    throw new DefineTaskError(definedInEntryFile(name, url.href));
  }
  return url.href;
}

function fileUrl(thread: unknown): URL | undefined {
  if (typeof thread === 'string' && isAbsolute(thread)) {
    return pathToFileURL(thread);
  }
  const url =
    thread instanceof URL ? new URL(thread) : typeof thread === 'string' && URL.canParse(thread) && new URL(thread);
  return url && url.protocol === 'file:' ? url : undefined;
}

function isEntryFile(url: URL): boolean {
  const [, entry] = process.argv;
  // A thread's own argv names its entry file, which is ours.
  if (!isMainThread || !entry) {
    return false;
  }
  try {
    const resolved = createRequire(join(process.cwd(), 'entry.js')).resolve(entry);
    return realpathSync(resolved) === realpathSync(fileURLToPath(url));
  } catch {
    // An entry that is no file (a REPL, code given with --eval) is no module of a task either.
    return false;
  }
}
