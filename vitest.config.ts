import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig, type TestProjectConfiguration } from 'vitest/config';

const fileOf = (name: string) => `test/${name}.spec.ts`;

/** What holds for HTTP requests holds on each platform and in each scope: these files run in all four places, and with durable tasks. */
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
  'durable/flush',
  'durable/response-decides',
  'failing-task',
  'finish-first',
  'global-pipes',
  'handles',
  'injected-anywhere',
  'late-tasks',
  'no-task-no-cost',
  'one-collection',
  'overload',
  'parallel',
  'raw-request',
  'request-events',
  'run-on',
  'server-sent-events',
  'shutdown',
  'slow-client',
  'streaming',
  'testing/modes',
  'threads-aborting',
  'two-apps',
  'two-requests',
].map(fileOf);

/**
 * What does not run with durable tasks, and why: the footnotes of test/fixtures/by-design.ts. A file of which only some
 * tests differ is not here: its tests name their footnotes.
 */
const notOfDurableTasks = {
  start: ['finish-first', 'slow-client'],
  context: ['async-context', 'beside-cls'],
  closing: ['shutdown'],
  // They have durable tasks of their own.
  ownTasks: ['bullmq/stored-before', 'durable/flush', 'durable/response-decides', 'handles', 'testing/modes'],
  // Threads are tested with durable tasks in test/bullmq/threads.spec.ts.
  threads: ['threads-aborting'],
};

/** What `npm run test:quick` leaves out, and why. `npm test` runs it all. */
const notQuick = [
  // They start or need servers, or PGlite.
  'test/bullmq/**',
  'test/store.spec.ts',
  'test/coming-from/**',
  // They start applications or compilers, most of them with the packed package.
  'test/commonjs.spec.ts',
  'test/bundlers/**',
  'test/define-task.spec.ts',
  'test/documentation/**',
  'test/editor.spec.ts',
  'test/fake-timers-jest.spec.ts',
  'test/nest-11-app.spec.ts',
  'test/new-application.spec.ts',
  'test/otel/sentry.spec.ts',
  'test/quick-start.spec.ts',
  'test/sample-*.spec.ts',
  'test/testing/runners.spec.ts',
  'test/shutdown-signal.spec.ts',
  'test/thread-modules.spec.ts',
  // They work only in a process of their own, and a quick run shares one: they replace a module, or read what the whole
  // process has, which is its listeners of signals and its defined tasks.
  'test/retry-until.spec.ts',
  'test/shutdown-hooks.spec.ts',
  'test/start-errors*.spec.ts',
  'test/durable/task-queue.spec.ts',
  'test/testing/memory-queue.spec.ts',
  // They repeat one thing a thousand times, with random, hostile or all kinds of messages.
  'test/*.property.spec.ts',
  'test/*-hostile.spec.ts',
  'test/cut-connections.spec.ts',
  'test/finish-first.spec.ts',
  'test/places.spec.ts',
  // They build the page and start a browser.
  'test/ui/**',
];

function place(platform: string, scope: string, tasks?: 'durable'): TestProjectConfiguration {
  return {
    extends: true,
    test: {
      name: [platform, scope, ...(tasks ? [tasks] : [])].join(', '),
      include: ofRequests,
      exclude: tasks ? Object.values(notOfDurableTasks).flat().map(fileOf) : [],
      env: { PLATFORM: platform, SCOPE: scope, ...(tasks && { TASKS: tasks }) },
      // A process of its own costs each file a second or more. Here the files share one: 'express, request' isolates them.
      isolate: false,
    },
  };
}

export default defineConfig(({ mode }) => {
  const isQuick = mode === 'quick';
  const first = {
    extends: true,
    test: {
      name: 'express, request',
      include: ['test/**/*.spec.ts'],
      // The applications in test/ have tests of their own, for Jest.
      exclude: [...configDefaults.exclude, 'test/nest-11-app/**', ...(isQuick ? notQuick : [])],
      isolate: !isQuick,
      typecheck: { enabled: !isQuick, include: ['test/**/*.spec-d.ts'], tsconfig: 'test/tsconfig.types.json' },
    },
  } satisfies TestProjectConfiguration;
  return {
    oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
    resolve: {
      alias: {
        'nestjs-background-tasks/bullmq': fileURLToPath(new URL('lib/bullmq/index.ts', import.meta.url)),
        'nestjs-background-tasks/otel': fileURLToPath(new URL('lib/otel/index.ts', import.meta.url)),
        'nestjs-background-tasks/dashboard': fileURLToPath(new URL('lib/dashboard/index.ts', import.meta.url)),
        'nestjs-background-tasks/testing': fileURLToPath(new URL('lib/testing/index.ts', import.meta.url)),
        'nestjs-background-tasks/task': fileURLToPath(new URL('lib/task/index.ts', import.meta.url)),
        'nestjs-background-tasks': fileURLToPath(new URL('lib/index.ts', import.meta.url)),
      },
    },
    test: {
      globalSetup: 'test/fixtures/remove-packed.ts',
      pool: 'forks',
      // Vitest leaves one core free, which on two cores means one file at a time. One more than there are cores, because
      // many files wait for servers and timers.
      maxWorkers: availableParallelism() + 1,
      execArgv: ['--expose-gc'],
      testTimeout: 30_000,
      // The default is a second, which is as long as some graces of the package.
      expect: { poll: { timeout: 10_000 } },
      projects: isQuick
        ? [first]
        : [
            first,
            place('express', 'default'),
            place('fastify', 'request'),
            place('fastify', 'default'),
            // Each platform and each scope once. test/places.spec.ts has durable tasks in all four places.
            place('express', 'default', 'durable'),
            place('fastify', 'request', 'durable'),
          ],
    },
  };
});
