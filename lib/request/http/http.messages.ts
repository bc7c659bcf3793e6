export const unsupportedPlatform = (came: string) =>
  `BackgroundTasksModule: expected an application on Express or Fastify, got one on '${came}'. ` +
  'Use @nestjs/platform-express or @nestjs/platform-fastify.';
