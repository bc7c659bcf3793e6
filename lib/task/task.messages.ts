import { MAX_TIMER } from '../validation/option-rules.ts';

// Messages of calls: `addTask`, `start`, `step`, `chain`, `group`, `move`. `caller` is the function that the user called.

export const notATask = (caller: string, came: string) =>
  `${caller}(task, ...): expected a function, or an object and the name of one of its methods, got ${came}. ` +
  `Write ${caller}(fn, ...args) or ${caller}(target, 'method', ...args), not ${caller}(fn(...args)), which calls fn now.`;

export const generatorAsTask = (caller: string, came: string) =>
  `${caller}(task, ...): expected a function, got ${came}, a generator: calling it runs nothing. ` +
  'Write a function that iterates over it.';

export const promiseAsTask = (caller: string) =>
  `${caller}(task, ...): expected a function, got a promise: the call has already begun. ` +
  `Write ${caller}(fn, ...args) instead of ${caller}(fn(...args)).`;

export const classAsTask = (caller: string, className: string) =>
  `${caller}(${className}): expected a function that can be called, got the class ${className}. ` +
  `Inject an instance of it and write ${caller}(instance, 'method', ...args).`;

export const methodItself = (caller: string, method: string) =>
  `${caller}(${method}): expected an object and the name of its method with @Task, got the method itself, which loses its ` +
  `object, its options and its queue. Write ${caller}(target, '${method}', ...args).`;

export const methodNotNamed = (caller: string, className: string, came: string) =>
  `${caller}(${className}, method): expected the name of a method, got ${came}. ` +
  `Write ${caller}(target, 'method', ...args).`;

export const noSuchMethod = (caller: string, className: string, method: string, came: string, methods: string[]) =>
  `${caller}(${className}, '${method}'): expected ${className}.${method} to be a method, got ${came}. ` +
  (methods.length > 0
    ? `Use one of its methods: ${methods.join(', ')}.`
    : `Use another object: this one has no methods.`);

export const flowExpected = (caller: string, index: number, came: string) =>
  `${caller}(…): item ${index + 1}: expected a step, got ${came}. ` +
  (caller === 'chain'
    ? 'Write chain(step(fn, ...args), …).'
    : 'Write group([step(fn, ...args), …], step(fn, previousResult)).');

export const groupOfNone = (came: string) =>
  `group(steps, then): expected at least one step to wait for, got ${came}. ` +
  'If there may be none, add the last step by itself.';

export const notTheFirst = (caller: string, index: number, name: string) =>
  `${caller}(…): item ${index + 1}: expected a single step, got the chain or group "${name}". Only the first item can be one. ` +
  'Put all steps into one chain, or let the last task of the chain or group add the rest.';

export const moveOfOther = (came: string) =>
  `move(value): expected an ArrayBuffer, or a view of one such as a Uint8Array, got ${came}. ` +
  'Pass other values without move: they are copied.';

export const wrongProgress = (came: string) =>
  `updateProgress(progress): expected a number or an object, got ${came}. ` +
  'Write updateProgress(0.5) or updateProgress({ done: 5, of: 10 }).';

// Messages of definitions: `defineTask` and `@Task`.

export const defineWithoutFunction = (came: string) =>
  `defineTask(fn, options): expected a function, got ${came}. For a method of a provider, use the decorator @Task(options).`;

export const defineWithoutName = (came: string) =>
  `defineTask(fn, options): expected a function with a name, got ${came} as its name. ` +
  "Write defineTask(function resize(…) { … }, options), or give the option name: 'resize'.";

export const taskOfNoMethod = (className: string, name: string, came: string) =>
  `@Task() ${className}.${name}: expected a method that can be called, got ${came}. ` +
  'Decorate a method. For a function, use defineTask(fn, options).';

const notTheFile = (name: string, came: string) =>
  `defineTask: task "${name}": option 'thread': expected the file that defines the task, got ${came}`;

/** What to do with a task for threads in a bundle. */
const buildApart =
  "build the task's file as an entry of its own and write name: 'report', thread: join(__dirname, 'report.task.js'), " +
  'or leave that file out of the bundle (docs/bundlers.md).';

const BUILD_APART = buildApart.replace('b', 'B');

export const threadIsEmpty = (name: string, came: string) =>
  `${notTheFile(name, came)}. Bundlers that write CommonJS empty import.meta.url. ${BUILD_APART} ` +
  'For a task on the event loop, leave out the option.';

export const threadIsNoModule = (name: string, came: string) =>
  `${notTheFile(name, came)}. Write thread: import.meta.url, or in CommonJS thread: __filename. In a bundle, ${buildApart}`;

export const threadIsNoFile = (name: string, module: string) =>
  `${notTheFile(name, module)}, which does not exist. ` +
  `Write thread: import.meta.url, or in CommonJS thread: __filename. In a bundle, ${buildApart}`;

export const definedInEntryFile = (name: string, module: string) =>
  `${notTheFile(name, module)}, the file that started the process: a thread that loads it would start the application again. ` +
  `Define the task in a file of its own. In a bundle, ${buildApart}`;

export const definedBesideForRoot = (name: string, module: string) =>
  `${notTheFile(name, module)}, which also calls BackgroundTasksModule.forRoot: a thread that loads it would start the ` +
  `application again. Define the task in a file of its own. In a bundle, ${buildApart}`;

export const definedInBundle = (name: string, module: string, bundle: string) =>
  `${notTheFile(name, module)}, but a bundler has put the task into ${bundle}, and a thread finds it in neither. ${BUILD_APART}`;

export const packageInBundle = (name: string) =>
  `defineTask: task "${name}": option 'thread': expected nestjs-background-tasks in node_modules, got it in a bundle, where ` +
  'the files that its threads load are missing. Leave nestjs-background-tasks out of the bundle (docs/bundlers.md).';

export const definedTwice = (name: string, module: string) =>
  `defineTask: expected one task named "${name}" in ${module}, got two, which a thread can't tell apart. ` +
  'Give one of them another name with the option name.';

export const longerThanTimer = (name: string, option: string, came: number) =>
  `Task "${name}": option '${option}': expected at most ${MAX_TIMER} ms (24.8 days) for a task without a queue, got ${came}. ` +
  'A queue can wait for longer: define the task by @Task({ queue }) or defineTask(fn, { queue }).';

export const repeatWithoutQueue = (where: string) =>
  `${where}: option 'repeat': expected the option 'queue' beside it, got none. The queue runs the task once for all processes. ` +
  `Write ${where}({ queue: 'nightly', repeat: … }). For a single process, use @nestjs/schedule and TaskRunner.start.`;

export const repeatNeedsOne = (where: string, came: string) =>
  `${where}: option 'repeat': expected { pattern: '0 3 * * *', tz: 'Europe/Berlin' } or { every: 60_000 }, got ${came}. ` +
  'Give either pattern or every; tz goes with pattern only.';
