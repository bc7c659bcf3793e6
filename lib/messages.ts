import type { TaskRecord } from './task/task-record.ts';

type Named = Pick<TaskRecord, 'id' | 'name'>;

const nameOf = (task: Named) => `"${task.name}" (${task.id})`;
const namesOf = (tasks: readonly Named[]) => tasks.map(nameOf).join(', ');
const ofRequest = (origin: string | undefined) => (origin ? ` of ${origin}` : '');

export const notATask = (caller: string, came: string) =>
  `${caller}(task, ...): expected a function, or an object and the name of one of its methods; got ${came}. ` +
  `Write ${caller}(fn, ...args) or ${caller}(target, 'method', ...args).`;

export const promiseAsTask = (caller: string) =>
  `${caller}(task, ...): expected a function, got a promise: the call has already begun. ` +
  `Write ${caller}(fn, ...args) instead of ${caller}(fn(...args)).`;

export const classAsTask = (caller: string, className: string) =>
  `${caller}(${className}): expected a function that can be called, got the class ${className}. ` +
  `Inject an instance of it and write ${caller}(instance, 'method', ...args).`;

export const methodNotNamed = (caller: string, className: string, came: string) =>
  `${caller}(${className}, method): expected the name of a method, got ${came}. ` +
  `Write ${caller}(target, 'method', ...args).`;

export const noSuchMethod = (caller: string, className: string, method: string, came: string, methods: string[]) =>
  `${caller}(${className}, '${method}'): expected ${className}.${method} to be a method, got ${came}. ` +
  (methods.length > 0 ? `${className} has: ${methods.join(', ')}.` : `${className} has no methods.`);

export const optionsNotAnObject = (where: string, came: string) =>
  `${where}(options): expected an object with options, got ${came}.`;

export const unknownOption = (where: string, name: string, known: readonly string[]) =>
  `${where}({ ${name} }): there is no option '${name}'. The options are: ${known.join(', ')}.`;

export const wrongOption = (where: string, name: string, came: string, expected: string) =>
  `${where}({ ${name} }): expected ${expected}; got ${came}.`;

const byImporters = (importers: readonly string[]) => (importers.length > 0 ? ` by ${importers.join(', ')}` : '');

export const importedMoreThanOnce = (times: number, importers: readonly string[]) =>
  `BackgroundTasksModule is imported ${times} times${byImporters(importers)}. ` +
  'It is global: import BackgroundTasksModule.forRoot() once, in the root module, and nothing elsewhere.';

export const importedWithoutForRoot = (importers: readonly string[]) =>
  `BackgroundTasksModule is imported${byImporters(importers)} without its options. ` +
  'Import BackgroundTasksModule.forRoot() or BackgroundTasksModule.forRootAsync(…), in the root module.';

export const unsupportedPlatform = (came: string) =>
  `BackgroundTasksModule: expected an application on Express, got one on '${came}'. ` +
  'Use @nestjs/platform-express with this version.';

export const drainTimedOut = (timeout: number, tasks: readonly Named[]) =>
  `drain(${timeout}): ${tasks.length} task(s) had not settled after ${timeout} ms: ${namesOf(tasks)}. ` +
  'They go on; wait longer, or end them.';

export const taskFailed = (task: Named, origin?: string) => `Task ${nameOf(task)}${ofRequest(origin)} failed`;

export const tasksSkipped = (failed: Named, skipped: readonly Named[], origin?: string) =>
  `Task ${nameOf(failed)}${ofRequest(origin)} failed, so those after it were skipped: ${namesOf(skipped)}. ` +
  "With onFailure: 'continue' they would have run.";

export const eventLoopBlocked = (name: string, busy: number, threshold: number) =>
  `Task "${name}" kept the event loop busy for ${Math.round(busy)} ms (blockingThreshold: ${threshold}); ` +
  'meanwhile this process answered nobody. ' +
  'Make it asynchronous, or divide it into several tasks. This is said once for each name.';
