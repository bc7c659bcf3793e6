export const notATask = (caller: string, came: string) =>
  `${caller}(task, ...): expected a function, or an object and the name of one of its methods; got ${came}. ` +
  `Write ${caller}(fn, ...args) or ${caller}(target, 'method', ...args); not ${caller}(fn(...args)), which calls it here.`;

export const generatorAsTask = (caller: string, came: string) =>
  `${caller}(task, ...): expected a function, got ${came}, a generator: calling it runs nothing. ` +
  'Write a function that iterates over it.';

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

export const taskOfNoMethod = (className: string, name: string, came: string) =>
  `@Task() ${className}.${name}: expected a method that can be called, got ${came}. ` +
  'Decorate a method; a function is defined by defineTask(fn, options).';

export const repeatWithoutQueue = (where: string) =>
  `${where}: option 'repeat': expected an option 'queue' beside it, which keeps it once for all processes. Write ` +
  `${where}({ queue: 'nightly', repeat: … }); in a single process, @nestjs/schedule and TaskRunner.start do it.`;

export const repeatNeedsOne = (where: string, came: string) =>
  `${where}: option 'repeat': expected either { pattern: '0 3 * * *', tz: 'Europe/Berlin' } or { every: 60_000 }; got ${came}.`;

export const flowExpected = (caller: string, index: number, came: string) =>
  `${caller}(…): item ${index + 1}: expected a step, got ${came}. Write ${caller === 'chain' ? 'chain(step(fn, ...args), …)' : 'group([step(fn, ...args), …], step(fn, previousResult))'}.`;

export const groupOfNone = (came: string) =>
  `group(steps, then): expected at least one step to wait for, got ${came}. Where there may be none, add the last one by itself.`;

export const notTheFirst = (caller: string, index: number, name: string) =>
  `${caller}(…): item ${index + 1}, "${name}", is a chain or group itself, which only what comes first can be. ` +
  'Put its steps in one chain, or add the rest from the task that ends it.';

export const defineWithoutFunction = (came: string) =>
  `defineTask(fn, options): expected a function, got ${came}. A provider's method is defined by the decorator @Task(options).`;

export const defineWithoutName = (came: string) =>
  `defineTask(fn, options): expected a function with a name, got ${came} for a name. ` +
  "Name the function, as in defineTask(function resize(…) { … }, options), or give the option name: 'resize'.";

export const threadIsNoModule = (name: string, came: string) =>
  `defineTask: task "${name}": expected thread to be the file that defines the task, got ${came}. ` +
  'Write thread: import.meta.url, or in CommonJS thread: __filename.';

export const definedInEntryFile = (name: string, module: string) =>
  `defineTask: task "${name}" is defined in the file with which the process was started, ${module}. ` +
  'A thread that loads it would start the application again: define the task in a file of its own.';

export const definedTwice = (name: string, module: string) =>
  `defineTask: there are two tasks named "${name}" in ${module}, so a thread can't tell them apart. ` +
  'Give one of them another name, by the option name.';

export const wrongProgress = (came: string) =>
  `updateProgress(progress): expected a number, or an object such as { done: 5, of: 10 }; got ${came}.`;

export const moveOfOther = (came: string) =>
  `move(value): expected an ArrayBuffer, or a view of one such as a Uint8Array; got ${came}.`;
