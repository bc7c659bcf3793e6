import type { TaskRecord } from './task/task-record.ts';

type Named = Pick<TaskRecord, 'id' | 'name'>;

const nameOf = (task: Named) => `"${task.name}" (${task.id})`;
/** How many tasks are named in one line. */
const MAX_NAMED = 20;

/** More would be a line of megabytes. */
const MAX_LOST = 1_000;

const namesOf = (tasks: readonly Named[], max = MAX_NAMED) =>
  tasks.slice(0, max).map(nameOf).join(', ') + (tasks.length > max ? ` and ${tasks.length - max} more` : '');
/** With the one full stop that it needs. */
const sentence = (text: string) => text.replace(/\.?$/, '.');
const ofRequest = (origin: string | undefined) => (origin ? ` of ${origin}` : '');

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

export const notProvided = (name: string, className: string) =>
  `Task "${name}" was not accepted: no module of this application provides ${className}. ` +
  `Add it to the providers of a module, or give an object that has the method instead of its class.`;

export const providedWithoutMethod = (name: string, came: string, method: string) =>
  `Task "${name}": expected what the application provides for its class to have a method '${method}'; got ${came}.`;

export const taskOfNoMethod = (className: string, name: string, came: string) =>
  `@Task() ${className}.${name}: expected a method that can be called, got ${came}. ` +
  'Decorate a method; a function is defined by defineTask(fn, options).';

export const queueNotImported = (name: string, queue = 'of its chain or group') =>
  `Task "${name}" was not accepted: it is to be stored in the queue '${queue}', and this application has none. ` +
  "Import BullMqTasksModule.forRoot({ connection }) from 'nestjs-background-tasks/bullmq'.";

export const repeatWithoutQueue = (where: string) =>
  `${where}: option 'repeat': expected an option 'queue' beside it, which keeps it once for all processes. Write ` +
  `${where}({ queue: 'nightly', repeat: … }); in a single process, @nestjs/schedule and TaskRunner.start do it.`;

export const repeatNeedsOne = (where: string, came: string) =>
  `${where}: option 'repeat': expected either { pattern: '0 3 * * *', tz: 'Europe/Berlin' } or { every: 60_000 }; got ${came}.`;

export const wrongPattern = (name: string, reason: string) =>
  `Task "${name}": option 'repeat': expected a pattern such as '0 3 * * *'; ${reason}.`;

export const repeatNotImported = (name: string, queue: string) =>
  `Task "${name}" is to repeat in the queue '${queue}', and this application has none, so it would never run. ` +
  "Import BullMqTasksModule.forRoot({ connection }) from 'nestjs-background-tasks/bullmq'.";

export const retryIfNotStored = (name: string) =>
  `Task "${name}" is stored, and retryIf of a call, a function, can't be. Set it where the task is defined: ` +
  '@Task({ queue, retryIf }) or defineTask(fn, { queue, retryIf }).';

export const flowExpected = (caller: string, index: number, came: string) =>
  `${caller}(…): item ${index + 1}: expected a step, got ${came}. Write ${caller === 'chain' ? 'chain(step(fn, ...args), …)' : 'group([step(fn, ...args), …], step(fn, previousResult))'}.`;

export const groupOfNone = (came: string) =>
  `group(steps, then): expected at least one step to wait for, got ${came}. Where there may be none, add the last one by itself.`;

export const notTheFirst = (caller: string, index: number, name: string) =>
  `${caller}(…): item ${index + 1}, "${name}", is a chain or group itself, which only what comes first can be. ` +
  'Put its steps in one chain, or add the rest from the task that ends it.';

export const stepWithoutQueue = (name: string) =>
  `Task "${name}" of a chain or group names no queue, so no other task could wait for it. ` +
  "Define it by @Task({ queue: 'media' }) or defineTask(fn, { queue: 'media' }); in the process, await one after the other.";

export const flowNotWith = (name: string, option: string) =>
  `Task "${name}" is the last of a chain or group, which can't go with the option ${option}. Leave it out.`;

export const previousOfNone = (name: string) =>
  `Task "${name}" was given previousResult, and nothing is done before it. It is for later steps of a chain or group.`;

export const stepBeforeFailed = (id: string) =>
  `Step ${id} before it has failed, so it was not run. TaskRegistry.get('${id}') says why; retry() of this one tries both again.`;

export const queueImportedTwice = () =>
  'There are two modules for queues. Import BullMqTasksModule.forRoot(…) once, in the root module: it can have many queues.';

export const tasksNotStored = (tasks: readonly Named[], isRunHere: boolean, origin?: string) =>
  `${namesOf(tasks)}${ofRequest(origin)} could not be stored, ` +
  (isRunHere ? 'so this process runs what no other will, and not again if it ends before.' : 'and will not run.');

export const storedUnderUnknownName = (name: string, queue: string) =>
  `Task "${name}" in the queue '${queue}' was not run: no task of that name is known here. Import the module that ` +
  'provides its class, or the file that defines it, into every process with a worker for this queue; or give the task ' +
  'the option name when its class or function is renamed. It is kept, and can be tried again.';

export const storedByOthers = (name: string, queue: string) =>
  `Task "${name}" in the queue '${queue}' was not run: its arguments are not in the form in which this package stores them, ` +
  '{ args: { json: [1, "two"] } }. Add it by addTask or TaskRunner.start; where you change what is stored, change what is in args.json.';

export const takesFrom = (queues: readonly string[]) =>
  queues.length > 0
    ? `Takes tasks from ${queues.join(', ')}`
    : 'Takes no tasks: none that this application knows names a queue';

export const sameName = (name: string, owners: readonly string[]) =>
  `There are ${owners.length} stored tasks named "${name}": ${owners.join(', ')}. A worker couldn't tell which one to run. ` +
  'Give them different names, by the option name.';

export const argumentNotStorable = (name: string, index: number, reason: string) =>
  `Task "${name}" is stored, and ${index < 0 ? 'an argument' : `argument ${index + 1}`} can't be: ${sentence(reason)} ` +
  'Pass plain data, and an id in place of what can be looked up: no functions, requests, streams, clients.';

export const resultNotStorable = (name: string, reason: string) =>
  `Task "${name}" was done, but its result can't be stored, so it failed: ${sentence(reason)} Return plain data.`;

export const argumentsTooLarge = (name: string, size: number, maxSize: number) =>
  `Task "${name}" is stored, and its arguments are ${size} bytes of JSON; maxSize allows ${maxSize}. ` +
  'Store what is large elsewhere, and pass where it is.';

export const resultTooLarge = (name: string, size: number, maxSize: number) =>
  `Task "${name}" was done, but its result is ${size} bytes of JSON, and maxSize allows ${maxSize}, so it failed. ` +
  'Store what is large elsewhere, and return where it is.';

export const notStoredInTime = (timeout: number) => `it gave no answer within ${timeout} ms (enqueueTimeout).`;

export const storeFailedTo = (reason: string) => `The store of tasks did not do as it was asked: ${reason}`;

export const storeRefused = (reason: string) =>
  `BullMqTasksModule: the store of tasks can be reached, and refuses: ${sentence(reason)} Check the option 'connection': its user, ` +
  'password and database, and what that user may do.';

export const givenBack = (task: Named) =>
  `Task ${nameOf(task)} has not come to its end before this process does: it is given back, and begins anew in another.`;

export const lockLost = (reason: string) =>
  `A task has lost its lock, so it may run a second time: ${sentence(reason)} The store was away for longer than ` +
  'worker.lockDuration, which can be raised, or something blocked the event loop, which belongs in a thread.';

export const storeIsAway = (reason: string) =>
  `The store of tasks does not answer as it should: ${reason}. It is tried again all the time; as long as it is away, ` +
  'requests with tasks to store get a 503, and workers wait.';

export const peerMissing = (subpath: string, missing: string, peers: readonly string[]) =>
  `${subpath} could not load the package ${missing}: see the cause. If it isn't installed: npm install ${peers.join(' ')}`;

export const folderInUse = (folder: string) =>
  `The folder ${folder} is open already, in this process or another: PGlite is for one at a time. Close the other, give ` +
  "each a folder of its own ('pglite:./other'), or use Redis or Postgres, which serve many.";

export const folderNotOpened = (folder: string) =>
  `PGlite could not open the folder ${folder}: see the cause. If it holds no tasks that are still wanted, delete it.`;

export const noSuchQueue = (name: string, queues: readonly string[]) =>
  `There is no queue '${name}': no task of this application names it. ` +
  (queues.length > 0 ? `There are: ${queues.join(', ')}.` : "A task names one by @Task({ queue: 'mail' }).");

export const optionsNotAnObject = (where: string, came: string) =>
  `${where}: expected an object with options, got ${came}.`;

export const unknownOption = (where: string, name: string, known: readonly string[]) =>
  `${where}: there is no option '${name}'. The options are: ${known.join(', ')}.`;

export const wrongOption = (where: string, name: string, came: string, expected: string) =>
  `${where}: option '${name}': expected ${expected}; got ${came}.`;

const byImporters = (importers: readonly string[]) => (importers.length > 0 ? ` by ${importers.join(', ')}` : '');

export const importedMoreThanOnce = (times: number, importers: readonly string[]) =>
  `BackgroundTasksModule is imported ${times} times${byImporters(importers)}. ` +
  'It is global: import BackgroundTasksModule.forRoot() once, in the root module, and nothing elsewhere.';

export const importedWithoutForRoot = (importers: readonly string[]) =>
  `BackgroundTasksModule is imported${byImporters(importers)} without its options. ` +
  'Import BackgroundTasksModule.forRoot() or forRootAsync(…) in the root module; a factory has to return an object.';

export const tasksWithoutModule = () =>
  '@Tasks() needs BackgroundTasksModule: import BackgroundTasksModule.forRoot() in the root module.';

export const wrongDrainTimeout = (came: string, expected: string) =>
  `drain(timeout): expected ${expected}; got ${came}.`;

export const unsupportedPlatform = (came: string) =>
  `BackgroundTasksModule: expected an application on Express or Fastify, got one on '${came}'. ` +
  'Use @nestjs/platform-express or @nestjs/platform-fastify.';

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
  'Move it to a worker thread by defineTask(fn, { thread: import.meta.url }). This is said once for each name.';

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

export const forRootInThread = () =>
  'BackgroundTasksModule.forRoot was called in a thread that was started for a task: the file that defines the task ' +
  'imports the application, directly or through other files. Move the task to a file that imports only what it needs.';

export const tooManyTasks = (name: string, maxPending: number) =>
  `Task "${name}" was not accepted: ${maxPending} task(s) have not come to their end, as many as maxPending allows. ` +
  'Try again later, or raise maxPending.';

export const shuttingDown = (name: string) =>
  `Task "${name}" was not accepted: the application is shutting down. Try again: another process will take it.`;

export const tooManyForThreads = (name: string, maxThreads: number, maxQueue: number) =>
  `Task "${name}" was not accepted: ${maxThreads + maxQueue} task(s) for threads have not come to their end, as many as ` +
  'pool.maxThreads and pool.maxQueue allow together. Try again later, or raise one of them.';

/** @param index -1 where it isn't known which */
export const argumentNotCloned = (name: string, index: number, reason: string) =>
  `Task "${name}" runs in a thread, where ${index < 0 ? 'an argument' : `argument ${index + 1}`} can't be cloned to: ` +
  `${sentence(reason)} Pass plain data: no functions, class instances with functions, requests or streams, ` +
  'and no memory that was moved before.';

export const wrongProgress = (came: string) =>
  `updateProgress(progress): expected a number, or an object such as { done: 5, of: 10 }; got ${came}.`;

export const moveOfOther = (came: string) =>
  `move(value): expected an ArrayBuffer, or a view of one such as a Uint8Array; got ${came}.`;

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

export const threadNotReady = (name: string, module: string, limit: number) =>
  `Task "${name}" did not run: its thread did not start and load ${module} within ${limit} ms, and was killed. ` +
  'Find what that file, its imports, or a file that pool.execArgv preloads awaits at its top level, and await it in the ' +
  "task's function instead.";

export const threadExited = (name: string, code: string) =>
  `Task "${name}" failed: its thread exited with code ${code}, since something called process.exit(): ` +
  'the task, what it uses, or what an earlier task left behind.';

export const threadOutOfMemory = (name: string) =>
  `Task "${name}" failed: its thread ran out of memory. ` +
  'Let it use less, or raise pool.resourceLimits.maxOldGenerationSizeMb.';

export const threadCrashed = (name: string) =>
  `Task "${name}" failed: its thread ended by an error that nothing there caught: of the task, or of what an earlier one ` +
  'left behind, such as a timer. See the cause.';

export const idleThreadLost = () =>
  'A thread in which no task was running ended by an error: something that a task has left behind there, such as a ' +
  'timer. It will be replaced.';

export const taskTimedOut = (name: string, timeout: number) =>
  `Task "${name}" ran out of time: an attempt may take ${timeout} ms. Raise its timeout, or have it do less.`;

/** Who cancelled a task. */
export const byCaller = 'by cancel()';
export const byClosing = 'because the application was closed';

export const tasksLost = (finished: number, lost: readonly Named[], timeout: number) =>
  `Shutdown: ${finished} task(s) finished, and ${lost.length} could not within shutdownTimeout (${timeout} ms) and were ` +
  `cancelled: ${namesOf(lost, MAX_LOST)}`;

export const taskCancelled = (name: string, by: string) => `Task "${name}" was cancelled ${by}.`;

export const taskRetrying = (task: Named & Pick<TaskRecord, 'attempts'>, delay: number, origin?: string) =>
  `Attempt ${task.attempts} of task ${nameOf(task)}${ofRequest(origin)} failed; the next is in ${delay} ms`;

export const retryIfThrew = (task: Named) => `retryIf of task ${nameOf(task)} threw, so the task is not tried again`;

export const subscriberThrew = () => 'A subscriber of TaskRunner.events threw';

export const storeFailed = () =>
  'The store of task records fails. Tasks go on, and their records are written when it works again.';

export const recordRefused = (task: Named) =>
  `The store takes other records of tasks, and not that of task ${nameOf(task)}, which is given up. Is its result too large?`;

export const storeUnavailable = (id: string) =>
  `The record of task ${id} could not be read: the store of task records failed. See the cause.`;
