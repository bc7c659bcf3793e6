import { type Named, nameOf, sentence } from '../util/phrases.ts';

export const wrongPattern = (name: string, reason: string) =>
  `Task "${name}": option 'repeat': expected a pattern such as '0 3 * * *'; ${reason}.`;

export const stepBeforeFailed = (id: string) =>
  `Step ${id} before it has failed, so it was not run. TaskRegistry.get('${id}') says why; retry() of this one tries both again.`;

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
