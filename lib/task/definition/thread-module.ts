import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { DefineTaskError } from '../../errors/task.errors.ts';
import { callersOf, type Frame } from '../../util/call-stack.ts';
import { describe } from '../../util/inspect.ts';
import { isPackageBundled } from '../../util/is-bundled.ts';
import type { AnyFunction } from '../model/signatures.ts';
import { noteTaskFile } from './application-files.ts';
import {
  definedBesideForRoot,
  definedInBundle,
  definedInEntryFile,
  packageInBundle,
  threadIsEmpty,
  threadIsNoFile,
  threadIsNoModule,
} from '../task.messages.ts';
import { isTaskThread } from './thread-registry.ts';

/**
 * The URL by which a thread imports the file of a task.
 *
 * A bundler puts the task into another file, and replaces or empties `import.meta.url` and `__filename`. Then a thread would
 * find no task, or a file that exists only where the application was built. Here this is an error, before any request.
 *
 * @param definer the function whose caller defines the task
 * @throws DefineTaskError if it is not a file, or is one in which a thread can't find the task
 */
export function threadModule(name: string, thread: unknown, definer: AnyFunction): string {
  if (isPackageBundled()) {
    throw new DefineTaskError(packageInBundle(name));
  }
  if (thread === undefined || thread === '') {
    throw new DefineTaskError(threadIsEmpty(name, describe(thread)));
  }
  const given = fileUrl(thread);
  if (!given) {
    throw new DefineTaskError(threadIsNoModule(name, describe(thread instanceof URL ? thread.href : thread)));
  }
  // Module loaders and test runners add queries to load a file again.
  given.search = '';
  given.hash = '';
  const url = existing(given);
  if (!url) {
    throw new DefineTaskError(threadIsNoFile(name, given.href));
  }
  // A thread has loaded its own entry and the file of the task: nothing is left to find out.
  if (isTaskThread()) {
    return url.href;
  }
  if (isEntryFile(url)) {
    throw new DefineTaskError(definedInEntryFile(name, url.href));
  }
  const file = fileURLToPath(url);
  if (noteTaskFile(file, name)) {
    throw new DefineTaskError(definedBesideForRoot(name, url.href));
  }
  const bundle = bundleOf(file, callersOf(definer));
  if (bundle !== undefined) {
    throw new DefineTaskError(definedInBundle(name, url.href, bundle));
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

/** The file, or its TypeScript source: tests and loaders run `report.task.ts` where a build has `report.task.js`. */
function existing(url: URL): URL | undefined {
  return [url, new URL(url.href.replace(/\.([cm]?)js$/, '.$1ts'))].find((it) => existsSync(it));
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

/**
 * The file that contains the task, if it is a bundle, and a thread would find the task in neither file.
 *
 * A file that does not run now is allowed: in a bundle, it is the task's own entry. But it must not be a source from which
 * the running file was built.
 */
function bundleOf(file: string, callers: readonly Frame[]): string | undefined {
  const isFile = (frame: Frame) => frame.file !== undefined && isSameFile(frame.file, file);
  const first = callers.findIndex(isFile);
  if (first < 0) {
    const caller = callers[0]?.file;
    return caller !== undefined && isTypeScript(file) && !runsAsTypeScript(caller) ? caller : undefined;
  }
  // Chunks of webpack and rspack define no task when a thread loads them: the runtime in another file does.
  const below = callers.slice(first).find((frame) => !isFile(frame));
  return below?.functionName === '__webpack_require__' ? file : undefined;
}

function isSameFile(a: string, b: string): boolean {
  if (a === b) {
    return true;
  }
  try {
    return realpathSync(a) === realpathSync(b);
  } catch {
    // A name that a bundler or Node gave to code without a file.
    return false;
  }
}

/** webpack can give code in `eval()` the name of its source, `webpack:///./src/report.task.ts`, which is no path. */
function runsAsTypeScript(caller: string): boolean {
  return isAbsolute(caller) && isTypeScript(caller);
}

function isTypeScript(file: string): boolean {
  return /\.[cm]?tsx?$/.test(file);
}
