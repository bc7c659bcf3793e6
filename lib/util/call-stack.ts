import { fileURLToPath } from 'node:url';

export interface Frame {
  /** A path, or what a loader or bundler names its code: `node:internal/…`, `webpack-internal:///…`. */
  readonly file: string | undefined;
  readonly functionName: string | null;
}

/** Code before the first call that is deeper than this in the stack is not seen. */
const LIMIT = 50;

/**
 * Returns the call stack, the nearest caller first. Frames name the files that run, not those of source maps: a call from a
 * bundle comes from the file of the bundle. Files that loaders and test runners compile as they load them keep their names.
 *
 * @param callee the function whose callers are returned
 */
export function callersOf(callee: (...args: never[]) => unknown): Frame[] {
  const { stackTraceLimit } = Error;
  const prepareStackTrace: unknown = Reflect.get(Error, 'prepareStackTrace');
  const trace: { stack?: NodeJS.CallSite[] } = {};
  // By Reflect, which doesn't throw if something has frozen Error.
  Reflect.set(Error, 'stackTraceLimit', LIMIT);
  Reflect.set(Error, 'prepareStackTrace', (_error: Error, sites: NodeJS.CallSite[]) => sites);
  try {
    Error.captureStackTrace(trace, callee);
    // Prepared when it is first read.
    const sites = trace.stack;
    return Array.isArray(sites) ? sites.map(toFrame) : [];
  } finally {
    Reflect.set(Error, 'prepareStackTrace', prepareStackTrace);
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  }
}

function toFrame(site: NodeJS.CallSite): Frame {
  const file = site.getFileName() ?? site.getScriptNameOrSourceURL();
  return { file: file ? pathOf(file) : undefined, functionName: site.getFunctionName() };
}

/** Loaders add a query to load a file again. */
function pathOf(file: string): string {
  const name = file.replace(/\?.*$/, '');
  return name.startsWith('file:') ? fileURLToPath(name) : name;
}
