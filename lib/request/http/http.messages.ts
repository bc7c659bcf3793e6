export const unsupportedPlatform = (came: string) =>
  `BackgroundTasksModule: expected an application on Express or Fastify, got one on '${came}'. ` +
  'Use @nestjs/platform-express or @nestjs/platform-fastify.';

export const answerNotSent = () =>
  'A response could not be sent after its durable tasks had been enqueued, so its connection was closed. The tasks run. ' +
  'See the stack for the call that Node refused.';

export const wrongChunk = (came: string) =>
  `response.write(chunk): expected a string, a Buffer or a Uint8Array, got ${came}. Serialize the value first.`;

export const oddHeaders = () =>
  'response.writeHead(status, headers): expected a list of names and values in turn, got a name without a value. Add it.';
