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

export const severalCopies = (folders: readonly string[]) => {
  const packages = new Set(folders.map((folder) => folder.replace(/[\\/]cjs$/, '')));
  return (
    `BackgroundTasksModule: expected one copy of nestjs-background-tasks, got ${folders.length}: ${folders.join(', ')}. ` +
    (packages.size === 1
      ? 'Load it everywhere by import, or everywhere by require. Files with tasks for threads may load ' +
        'nestjs-background-tasks/task either way.'
      : 'Run `npm ls nestjs-background-tasks`, and let all packages that it names depend on the same version.')
  );
};

export const noShutdownHooks = () =>
  'Nothing in this process listens to SIGTERM, so each deploy ends this process at once and its tasks are lost. ' +
  'Call app.enableShutdownHooks() before app.listen(). This warning appears once.';
