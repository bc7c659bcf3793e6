import { execFile } from 'node:child_process';
import { mkdtemp, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { peerMissing } from '../../lib/bullmq/bullmq.messages.ts';
import { stopStores, stores } from '../fixtures/queue-stores.ts';
import { INSTALL_TIMEOUT, installPackage } from '../fixtures/install-package.ts';

const run = promisify(execFile);

stopStores();

const application = `
  require('reflect-metadata');
  const { Module } = require('@nestjs/common');
  const { NestFactory } = require('@nestjs/core');
  const { BackgroundTasksModule, defineTask } = require('nestjs-background-tasks');
  const { BullMqTasksModule } = require('nestjs-background-tasks/bullmq');
  defineTask(function work() {}, { queue: 'work' });
  class AppModule {}
  Module({
    imports: [BackgroundTasksModule.forRoot(), BullMqTasksModule.forRoot({ connection: process.argv[2] })],
  })(AppModule);
  NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false }).then(
    async (app) => {
      console.log('started');
      await app.close();
      console.log('closed');
    },
    (error) => console.log(error.message),
  );
`;

test(
  'the package installed: an application ends by itself, also if its store was never there; one that is missing is named, with the line that installs it, where it is needed and only there',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'packages-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await installPackage(folder);
    await writeFile(join(folder, 'package.json'), '{}');
    await writeFile(join(folder, 'main.js'), application);
    const start = async (connection: string) => {
      const { stdout } = await run(process.execPath, ['main.js', connection], { cwd: folder, timeout: 25_000 });
      return stdout.trim();
    };
    expect(await start('redis://127.0.0.1:1')).toContain('started\nclosed');
    const store = stores.find(({ name }) => name === 'Redis');
    if (store) {
      expect(await start(store.connection)).toContain('started\nclosed');
    }
    expect(await start('postgres://127.0.0.1:1/none')).toContain('started\nclosed');
    const missing = (name: string, driver: string) =>
      peerMissing('nestjs-background-tasks/bullmq', name, ['bullmq', driver]);
    await unlink(join(folder, 'node_modules/pg'));
    expect(await start('postgres://127.0.0.1:1/none')).toBe(missing('pg', 'pg'));
    await unlink(join(folder, 'node_modules/ioredis'));
    expect(await start('redis://127.0.0.1:1')).toBe(missing('ioredis', 'ioredis'));
    await unlink(join(folder, 'node_modules/bullmq'));
    expect(await start('redis://127.0.0.1:1')).toBe(missing('bullmq', 'ioredis'));
    expect(await start('postgres://127.0.0.1:1/none')).toBe(missing('bullmq', 'pg'));
  },
  INSTALL_TIMEOUT,
);
