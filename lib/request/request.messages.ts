export const tasksWithoutModule = () =>
  '@Tasks(): expected an application with BackgroundTasksModule, got one without. ' +
  'Import BackgroundTasksModule.forRoot() in the root module.';
