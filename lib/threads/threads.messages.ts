import { sentence } from '../util/phrases.ts';

export const tooManyForThreads = (name: string, maxThreads: number, maxQueue: number) =>
  `Task "${name}" was not accepted: ${maxThreads + maxQueue} task(s) for threads have not come to their end, as many as ` +
  'pool.maxThreads and pool.maxQueue allow together. Try again later, or raise one of them.';

/** @param index -1 where it isn't known which */
export const argumentNotCloned = (name: string, index: number, reason: string) =>
  `Task "${name}" runs in a thread, where ${index < 0 ? 'an argument' : `argument ${index + 1}`} can't be cloned to: ` +
  `${sentence(reason)} Pass plain data: no functions, class instances with functions, requests or streams, ` +
  'and no memory that was moved before.';

export const resultNotCloned = (name: string) =>
  `Task "${name}" has run in a thread, but its result can't be cloned out of it. Return plain data.`;

export const moduleNotLoaded = (name: string, module: string) =>
  `Task "${name}" did not run: its thread could not load ${module}.` +
  (/\.[cm]?tsx?$/.test(module)
    ? ' For TypeScript, a thread needs tsx to be installed, or Node 22.18 and later and types that can be erased.'
    : '') +
  ' See the cause.';

export const taskNotDefined = (name: string, definedAs: string, module: string) =>
  `Task "${name}" did not run: ${module} defines no task "${definedAs}" when a thread loads it. ` +
  'Call defineTask at the top level of that file, and let thread name that file.';

export const threadNotStarted = (name: string) =>
  `Task "${name}" did not run: its thread could not start. See the cause, and the options pool.execArgv, pool.env and ` +
  'pool.resourceLimits; a bundler has to leave this package out of its bundle.';

export const threadExited = (name: string, code: string) =>
  `Task "${name}" failed: its thread exited with code ${code}, since something called process.exit(): ` +
  'the task, what it uses, or what an earlier task left behind.';

export const threadOutOfMemory = (name: string) =>
  `Task "${name}" failed: its thread ran out of memory. ` +
  'Let it use less, or raise pool.resourceLimits.maxOldGenerationSizeMb.';

export const threadCrashed = (name: string) =>
  `Task "${name}" failed: its thread ended by an error that nothing there caught: of the task, or of what an earlier one ` +
  'left behind, such as a timer. See the cause.';

export const threadNotReady = (name: string, module: string, limit: number) =>
  `Task "${name}" did not run: its thread did not start and load ${module} within ${limit} ms, and was killed. ` +
  'Find what that file, its imports, or a file that pool.execArgv preloads awaits at its top level, and await it in the ' +
  "task's function instead.";
