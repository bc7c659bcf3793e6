const byImporters = (importers: readonly string[]) => (importers.length > 0 ? ` by ${importers.join(', ')}` : '');

export const importedMoreThanOnce = (times: number, importers: readonly string[]) =>
  `BackgroundTasksModule is imported ${times} times${byImporters(importers)}. ` +
  'It is global: import BackgroundTasksModule.forRoot() once, in the root module, and nothing elsewhere.';

export const importedWithoutForRoot = (importers: readonly string[]) =>
  `BackgroundTasksModule is imported${byImporters(importers)} without its options. ` +
  'Import BackgroundTasksModule.forRoot() or forRootAsync(…) in the root module; a factory has to return an object.';

export const forRootInThread = () =>
  'BackgroundTasksModule.forRoot was called in a thread that was started for a task: the file that defines the task ' +
  'imports the application, directly or through other files. Move the task to a file that imports only what it needs.';
