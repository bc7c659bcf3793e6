export const tasksWithoutModule = () =>
  '@Tasks() needs BackgroundTasksModule: import BackgroundTasksModule.forRoot() in the root module.';
