const by = (importers: readonly string[]) => (importers.length > 0 ? ` by ${importers.join(', ')}` : '');

export const importedMoreThanOnce = (times: number, importers: readonly string[]) =>
  `BackgroundTasksModule: expected one import in the application, got ${times}${by(importers)}. ` +
  'Import BackgroundTasksModule.forRoot() once, in the root module: it is global.';

export const importedWithoutForRoot = (importers: readonly string[]) =>
  `BackgroundTasksModule: expected an import with options, got one without${by(importers)}. ` +
  'Import BackgroundTasksModule.forRoot() or forRootAsync(…) in the root module; a factory must return an object.';

export const forRootInThread = () =>
  'BackgroundTasksModule.forRoot: expected a call in the main thread, got one in the worker thread of a task. ' +
  "The task's file imports the application, directly or through other files: " +
  'move the task to a file that imports only what it needs.';
