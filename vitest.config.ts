import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig, type TestProjectConfiguration } from 'vitest/config';

/** What holds for HTTP requests holds on each platform and in each scope: these files run in all four places. */
const ofRequests = [
  'after-response',
  'async-context',
  'beside-cache',
  'beside-cls',
  'beside-interceptors',
  'beside-routing',
  'beside-throttler',
  'bullmq/stored-before',
  'client-disconnects',
  'cut-connections',
  'failing-task',
  'finish-first',
  'global-pipes',
  'injected-anywhere',
  'late-tasks',
  'no-task-no-cost',
  'one-collection',
  'overload',
  'parallel',
  'raw-request',
  'request-events',
  'run-on',
  'shutdown',
  'slow-client',
  'streaming',
  'threads-aborting',
  'two-apps',
  'two-requests',
].map((name) => `test/${name}.spec.ts`);

function place(platform: string, scope: string): TestProjectConfiguration {
  return {
    extends: true,
    test: {
      name: `${platform}, ${scope}`,
      include: ofRequests,
      env: { PLATFORM: platform, SCOPE: scope },
      // A process of its own costs each file a second or more. Here the files share one: 'express, request' isolates them.
      isolate: false,
    },
  };
}

export default defineConfig({
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  resolve: {
    alias: {
      'nestjs-background-tasks/bullmq': fileURLToPath(new URL('lib/bullmq/index.ts', import.meta.url)),
      'nestjs-background-tasks/task': fileURLToPath(new URL('lib/task/index.ts', import.meta.url)),
      'nestjs-background-tasks': fileURLToPath(new URL('lib/index.ts', import.meta.url)),
    },
  },
  test: {
    globalSetup: 'test/fixtures/remove-packed.ts',
    pool: 'forks',
    // Vitest leaves one core free, which on two cores means one file at a time. One more than there are cores, because many
    // files wait for servers and timers.
    maxWorkers: availableParallelism() + 1,
    execArgv: ['--expose-gc'],
    testTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'express, request',
          include: ['test/**/*.spec.ts'],
          typecheck: { enabled: true, include: ['test/**/*.spec-d.ts'], tsconfig: 'test/tsconfig.types.json' },
        },
      },
      place('express', 'default'),
      place('fastify', 'request'),
      place('fastify', 'default'),
    ],
  },
});
