import { sentence } from '../util/phrases.ts';

export const tooManyForThreads = (name: string, maxThreads: number, maxQueue: number) =>
  `Task "${name}" was not accepted: ${maxThreads + maxQueue} task(s) for threads are not settled, as many as ` +
  'pool.maxThreads and pool.maxQueue allow together. Try again later, or raise one of them.';

/** @param index of the argument; -1 if it is unknown */
export const argumentNotCloned = (name: string, index: number, reason: string) =>
  `Task "${name}" runs in a thread, but ${index < 0 ? 'an argument' : `argument ${index + 1}`} can't be cloned: ` +
  `${sentence(reason)} Pass plain data, without functions, requests, streams, or memory that was moved before.`;

export const resultNotCloned = (name: string) =>
  `Task "${name}" ran in a thread, but its result can't be cloned. Return plain data.`;

export const moduleNotLoaded = (name: string, module: string) =>
  `Task "${name}" did not run: its thread could not load ${module}.` +
  (/\.[cm]?tsx?$/.test(module)
    ? ' For TypeScript, install tsx, or use Node 22.18 or later and only types that can be erased.'
    : '') +
  ' See the cause.';

export const taskNotDefined = (name: string, definitionName: string, module: string) =>
  `Task "${name}" did not run: its thread loaded ${module}, but that file defines no task "${definitionName}". ` +
  'Call defineTask at the top level of that file, and let its option thread name that file. If a bundler renames functions, ' +
  'set the option name.';

export const threadNotStarted = (name: string) =>
  `Task "${name}" did not run: its thread could not start. Check pool.execArgv, pool.env and pool.resourceLimits, and ` +
  'exclude this package from your bundle if you use a bundler. See the cause.';

export const threadExited = (name: string, code: string) =>
  `Task "${name}" failed: its thread exited with code ${code}, because something called process.exit(): ` +
  'the task, code that it uses, or something that an earlier task left running. Remove that call.';

export const threadOutOfMemory = (name: string) =>
  `Task "${name}" failed: its thread ran out of memory. ` +
  'Use less memory in the task, or raise pool.resourceLimits.maxOldGenerationSizeMb.';

export const threadCrashed = (name: string) =>
  `Task "${name}" failed: an uncaught error ended its thread. The error comes from the task, or from something that an ` +
  'earlier task left running, such as a timer. See the cause.';

export const threadNotReady = (name: string, module: string, limit: number) =>
  `Task "${name}" did not run: its thread did not start and load ${module} within ${limit} ms, and was killed. ` +
  'Look for a top-level await in that file, in its imports, and in the files that pool.execArgv preloads. Move it into ' +
  "the task's function.";
