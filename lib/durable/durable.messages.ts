export const queueNotImported = (name: string, queue = 'of its chain or group') =>
  `Task "${name}" was not accepted: it is to be stored in the queue '${queue}', and this application has none. ` +
  "Import BullMqTasksModule.forRoot({ connection }) from 'nestjs-background-tasks/bullmq'.";

export const repeatNotImported = (name: string, queue: string) =>
  `Task "${name}" is to repeat in the queue '${queue}', and this application has none, so it would never run. ` +
  "Import BullMqTasksModule.forRoot({ connection }) from 'nestjs-background-tasks/bullmq'.";

export const retryIfNotStored = (name: string) =>
  `Task "${name}" is stored, and retryIf of a call, a function, can't be. Set it where the task is defined: ` +
  '@Task({ queue, retryIf }) or defineTask(fn, { queue, retryIf }).';

export const stepWithoutQueue = (name: string) =>
  `Task "${name}" of a chain or group names no queue, so no other task could wait for it. ` +
  "Define it by @Task({ queue: 'media' }) or defineTask(fn, { queue: 'media' }); in the process, await one after the other.";

export const flowNotWith = (name: string, option: string) =>
  `Task "${name}" is the last of a chain or group, which can't go with the option ${option}. Leave it out.`;

export const previousOfNone = (name: string) =>
  `Task "${name}" was given previousResult, and nothing is done before it. It is for later steps of a chain or group.`;

export const queueImportedTwice = () =>
  'There are two modules for queues. Import BullMqTasksModule.forRoot(…) once, in the root module: it can have many queues.';

export const sameName = (name: string, owners: readonly string[]) =>
  `There are ${owners.length} stored tasks named "${name}": ${owners.join(', ')}. A worker couldn't tell which one to run. ` +
  'Give them different names, by the option name.';

export const noSuchQueue = (name: string, queues: readonly string[]) =>
  `There is no queue '${name}': no task of this application names it. ` +
  (queues.length > 0 ? `There are: ${queues.join(', ')}.` : "A task names one by @Task({ queue: 'mail' }).");
