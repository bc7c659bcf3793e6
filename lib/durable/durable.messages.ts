import { describeName } from '../util/inspect.ts';

const importQueueModule = "Import BullMqTasksModule.forRoot({ connection }) from 'nestjs-background-tasks/bullmq'.";

export const queueNotImported = (name: string, queue?: string) =>
  `Task "${name}": expected a module for ${queue === undefined ? 'queues' : `the queue '${queue}'`}, got none. ` +
  importQueueModule;

export const retryIfOfCall = (name: string) =>
  `Task "${name}": option 'retryIf': expected it in the definition of a durable task, got it in a call. ` +
  'Set it by @Task({ queue, retryIf }) or defineTask(fn, { queue, retryIf }).';

export const stepWithoutQueue = (name: string) =>
  `Task "${name}": expected a durable task in a chain or group, got one without a queue. ` +
  "Define it by @Task({ queue: 'media' }) or defineTask(fn, { queue: 'media' }); without queues, await one task after the other.";

export const flowNotWith = (name: string, option: string) =>
  `Task "${name}": option '${option}': expected none for the last task of a chain or group, got one. Leave it out.`;

export const previousOfNone = (name: string) =>
  `Task "${name}": expected previousResult in a step that comes after another, got it in a first step. ` +
  'Pass it to later steps of a chain or group.';

export const tooManyAtOnce = (name: string, maxAtOnce: number) =>
  `Task "${name}" was not accepted: expected at most ${maxAtOnce} tasks that are enqueued at once (maxAtOnce), got more. ` +
  'Each step of a chain or group counts. Call and await flush() in between, or raise maxAtOnce and enqueueTimeout.';

export const queueImportedTwice = () =>
  'BullMqTasksModule: expected one module for queues, got two. Import BullMqTasksModule.forRoot(…) once, in the root ' +
  'module: one module serves many queues.';

export const sameName = (name: string, owners: readonly string[]) =>
  `Task "${name}": expected a name of its own for each durable task, got the same one for ${owners.join(' and ')}. ` +
  "Set the option 'name' of one of them, so that workers can tell them apart.";

export const providedTwice = (name: string, owner: string, places: readonly string[]) =>
  `Task "${name}": expected one object of the class that has ${owner}, got two: ${places.join(' and ')}. A queue keeps the ` +
  'name of a task and not its object. Provide the class in one module and export it, or provide a subclass for each object: ' +
  'tasks are named after the class.';

export const notTheProvided = (name: string) =>
  `Task "${name}": expected the object that Nest provides, got another object of its class. A queue keeps the name of a task ` +
  'and not its object. Inject the provider, or provide this object by a subclass or under another name.';

export const decoratorLost = (className: string, method: string) =>
  `@Task() ${className}.${method}: expected the decorated method, got another function or property in its place, which has ` +
  'lost the options of @Task. Write @Task above the other decorators, or copy the metadata of the method to its replacement.';

export const mixinWithoutName = (method: string) =>
  `@Task() ${method} of a mixin: expected the option 'name', got none. mixin() gives its class a random name, another one in ` +
  "each process, and workers find a task by its name. Set it by @Task({ queue, name: 'reports.render' }).";

export const unknownToWorker = (name: string, queue: string) =>
  `Task "${name}": this process runs the tasks of the queue '${queue}', but does not know this one, so it fails here. Add the ` +
  'object that has the method to the providers of a module. This warning appears once for each name.';

export const noSuchQueue = (name: string, queues: readonly string[]) =>
  `Queue: expected ${queues.length > 0 ? `one of ${queues.join(', ')}` : 'one that a task names'}, got ${describeName(name)}. ` +
  'Tasks name a queue by @Task({ queue }) or defineTask(fn, { queue }).';

export const notATransaction = (call: string, came: string) =>
  `${call}: expected a transaction with a method query(text, values), got ${came}. Make one by pgClient, typeOrm, drizzle, ` +
  "knex, kysely or prisma of 'nestjs-background-tasks/bullmq'.";

export const notDurable = (call: string, name: string) =>
  `${call}: expected a durable task, got task "${name}", which names no queue and runs in this process. ` +
  `Give it a queue by @Task({ queue }) or defineTask(fn, { queue }), or add it after the transaction.`;

export const alreadyEnqueued = () =>
  'flush({ transaction }): expected tasks of a request that is not answered yet, got tasks outside of it, which are enqueued ' +
  'as soon as they are added. Start them by TaskRunner.within(transaction).';

export const noTransactions = () =>
  'transaction: expected a queue on a Postgres server, got a queue on Redis or PGlite, which can not join a transaction. ' +
  'Add the task after the commit, or keep the queue in the Postgres of your data.';

export const rolledBack = (name: string) =>
  `Task "${name}" was skipped: its transaction was rolled back, so the task never got into its queue.`;

export const stepBeforeFailed = (id: string) =>
  `The task did not run, because the step ${id} before it failed. TaskRegistry.get('${id}') tells why. ` +
  'TaskRegistry.retry() of this task retries both.';

export const stepBeforeWithoutResult = (id: string, reason: string) =>
  `The task did not run, because the result of the step ${id} before it was left out: ${reason}`;

export const unknownTaskName = (name: string, queue: string) =>
  `Task "${name}" in the queue '${queue}' did not run: expected the name of a durable task of this application, got ` +
  `"${name}". Import the module that provides its class, or the file that defines it, into every process with a worker ` +
  "for this queue. If its class or function has a new name, set the option 'name' to the old one. The queue keeps the " +
  'task, so you can retry it afterwards.';
