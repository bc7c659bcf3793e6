import { describeName } from '../util/inspect.ts';
import { type Named, nameOf, sentence } from '../util/phrases.ts';

export const coreNotImported = () =>
  'BullMqTasksModule: expected BackgroundTasksModule in the same application, got none. ' +
  "Import BackgroundTasksModule.forRoot() from 'nestjs-background-tasks' beside it, in the root module.";

export const importedWithoutForRoot = () =>
  'BullMqTasksModule: expected an import with options, got one without. ' +
  'Import BullMqTasksModule.forRoot({ connection }) or forRootAsync(…); a factory must return an object.';

export const queueOfNoTask = (name: string, queues: readonly string[]) =>
  `BullMqTasksModule: worker: option 'queues': expected queues that tasks of this application name ` +
  `(${queues.length > 0 ? queues.join(', ') : 'there are none'}), got ${describeName(name)}. ` +
  'Import the module that provides the tasks of that queue, or the file that defines them, or correct the name.';

export const wrongPattern = (name: string, reason?: string) =>
  `Task "${name}": option 'repeat': expected a pattern such as '0 3 * * *', got one that can't be read` +
  `${reason === undefined ? '.' : `: ${sentence(reason)}`} Correct the pattern.`;

const REPEAT_REASONS = {
  deduplication: 'each run has an id of its own, so a run would never join another',
  delay: 'the option repeat sets the time of each run',
};

export const repeatNotWith = (name: string, option: 'deduplication' | 'delay') =>
  `Task "${name}": option '${option}': expected none for a task that repeats, got one: ${REPEAT_REASONS[option]}. ` +
  (option === 'delay'
    ? 'Change the pattern.'
    : 'Leave it out. If only one run may run at a time, let the repeating task add a durable task with the option ' +
      "'deduplication'.");

export const taskNotKnownHere = (name: string, queue: string) =>
  `Task "${name}" in the queue '${queue}' does not run here: no durable task of this application has this name. It is ` +
  'back in its queue, for workers with newer or older code. If no worker knows the name, the task fails later.';

export const unreadableArguments = (name: string, queue: string) =>
  `Task "${name}" in the queue '${queue}' did not run: expected arguments in the form { args: { json: [1, "two"] } }, got ` +
  'another form. Enqueue it by addTask or TaskRunner.start. If you change jobs in the queue, change only args.json.';

export const claimsFrom = (queues: readonly string[]) =>
  queues.length > 0
    ? `Claims tasks from the ${queues.length > 1 ? 'queues' : 'queue'} ${queues.join(', ')}`
    : 'Claims no tasks: no task of this application names a queue';

export const unreadableResult = (name: string) =>
  `Task "${name}": expected a result in the form { json: … }, got another form, so it is left out. ` +
  'Let workers of this package run the task.';

export const textRefused = (name: string, what: string) =>
  `Task "${name}": expected ${what} that a queue can keep, got one with NUL or half of a surrogate pair. ` +
  'Remove these characters.';

export const noAnswerInTime = (timeout: number) => `no answer within ${timeout} ms (enqueueTimeout)`;

export const connectionClosed = () => 'this application has closed its connection to the server';

export const queueFailed = (reason: string) => `The queue failed: ${sentence(reason)}`;

export const serverRefused = (reason: string) =>
  `BullMqTasksModule: option 'connection': expected a server that accepts this connection, got a refusal: ` +
  `${sentence(reason)} Check the user, the password, the database, and the user's permissions.`;

export const unreadableUrl = (example: string) =>
  `BullMqTasksModule: option 'connection': expected a URL such as '${example}', got one that can't be read. ` +
  'Correct it, and encode special characters of the password with encodeURIComponent().';

export const unfitConnectionOption = (name: string, remedy: string) =>
  `BullMqTasksModule: option 'connection': expected no '${name}', got one. ${remedy}`;

export const wrongDatabase = () =>
  "BullMqTasksModule: option 'connection': expected the number of a database, such as 0 in 'redis://host:6379/0', got " +
  "something else. Correct it; to keep applications apart, use the option 'prefix'.";

export const poolerInBetween = () =>
  "BullMqTasksModule: option 'connection': expected a connection to Postgres itself, got one through a pooler that does not " +
  'keep its options. Use the address of Postgres: the module has pools of its own.';

export const taskReleased = (task: Named) =>
  `Task ${nameOf(task)} did not settle before this process closed. It is back in its queue, and another process runs it again.`;

export const endRefused = (id: string, reason: string) =>
  `The attempt of the task ${id} is over, but the server did not record that: ${sentence(reason)} The worker tries again until ` +
  'the server records it, or another worker holds the lock of the task.';

export const jobGone = (reason: string) =>
  `A worker could not record how a task ended, because its queue no longer has the task: ${sentence(reason)} Somebody ` +
  'removed it from the queue, or the server lost its data.';

export const lockLost = (reason: string) =>
  `A worker lost the lock of a task, so the task may run a second time: ${sentence(reason)} The server was unavailable for ` +
  'longer than worker.lockDuration, or a task blocked the event loop. Raise worker.lockDuration, or run that task in a thread.';

export const serverUnavailable = (reason: string) =>
  `The server of the queues does not answer: ${sentence(reason)} The module reconnects until it does. Until then, ` +
  'requests with durable tasks get a 503, and workers wait.';

export const peerMissing = (subpath: string, missing: string, peers: readonly string[]) =>
  `${subpath}: expected the package ${missing}, got an error when it was loaded: see the cause. ` +
  `If it is not installed, run npm install ${peers.join(' ')}`;

export const folderInUse = (folder: string) =>
  `BullMqTasksModule: option 'connection': expected a folder that is free, got ${folder}, which is open in this process or ` +
  "another. Close the other application, use another folder ('pglite:./other'), or use Redis or Postgres, which serve many processes.";

export const folderNotOpened = (folder: string) =>
  `BullMqTasksModule: option 'connection': expected a folder that PGlite can open, got ${folder}: see the cause. ` +
  'Delete the folder if you need none of its tasks.';

export const notInTransaction = (call: string, expected: string, came: string) =>
  `${call}: expected ${expected} in an open transaction, got ${came}. Pass what your library gives you inside of the ` +
  'transaction: outside of one, the task would be in the queue at once.';

export const noRowsOfTransaction = (came: string) =>
  `query(text, values) of the transaction: expected an array of rows, got ${came}. Return the rows, and roll the transaction back.`;

export const otherDatabase = () =>
  'flush({ transaction }): expected a transaction on the server and database of the queue, got one on another. Roll it back, and ' +
  'keep the queue in the database of your data.';

export const transactionFailed = (reason: string) =>
  `The queue refused the tasks of the transaction: ${reason}. Roll the transaction back: Postgres runs no further statement in ` +
  'it. Its connection needs the database of the queue, and the rights to use the schema that the option prefix names.';
