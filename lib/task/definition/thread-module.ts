import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { DefineTaskError } from '../../errors/task.errors.ts';
import { describe } from '../../util/inspect.ts';
import { definedInEntryFile, threadIsNoModule } from '../task.messages.ts';

/**
 * The URL by which a thread imports the file of a task.
 *
 * @throws DefineTaskError if it is not a file, or is the file that started the process
 */
export function threadModule(name: string, thread: string | URL): string {
  const url = fileUrl(thread);
  if (!url) {
    throw new DefineTaskError(threadIsNoModule(name, describe(thread instanceof URL ? thread.href : thread)));
  }
  // Module loaders and test runners add queries to load a file again.
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
  // In a thread, argv names the thread's entry file, which belongs to this package.
  if (!isMainThread || !entry) {
    return false;
  }
  try {
    const resolved = createRequire(join(process.cwd(), 'entry.js')).resolve(entry);
    return realpathSync(resolved) === realpathSync(fileURLToPath(url));
  } catch {
    // The entry is not a file: a REPL, or code given with --eval.
    return false;
  }
}
