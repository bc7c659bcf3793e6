import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  resolve: {
    alias: {
      'nestjs-background-tasks/task': fileURLToPath(new URL('lib/task/index.ts', import.meta.url)),
      'nestjs-background-tasks': fileURLToPath(new URL('lib/index.ts', import.meta.url)),
    },
  },
  test: {
    include: ['test/**/*.spec.ts'],
    typecheck: { enabled: true, include: ['test/**/*.spec-d.ts'], tsconfig: 'tsconfig.json' },
    globalSetup: 'test/fixtures/remove-packed.ts',
    pool: 'forks',
    execArgv: ['--expose-gc'],
    testTimeout: 30_000,
  },
});
