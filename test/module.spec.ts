import { Controller, Get, Injectable, Module, type ModuleMetadata } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { expect, onTestFinished, test } from 'vitest';
import {
  BackgroundTasks,
  BackgroundTasksModule,
  ModuleImportError,
  Tasks,
  TaskRunner,
  type BackgroundTasksModuleOptions,
  type BackgroundTasksOptionsFactory,
} from 'nestjs-background-tasks';
import { importedMoreThanOnce, importedWithoutForRoot } from '../lib/module/module.messages.ts';
import { tasksWithoutModule } from '../lib/request/request.messages.ts';
import { RecordingLogger } from './fixtures/recording-logger.ts';

async function compile(metadata: ModuleMetadata) {
  const log = new RecordingLogger();
  const module = await Test.createTestingModule(metadata).setLogger(log).compile();
  onTestFinished(() => module.close());
  return { module, log };
}

@Injectable()
class Config implements BackgroundTasksOptionsFactory {
  createBackgroundTasksOptions(): BackgroundTasksModuleOptions {
    return { blockingThreshold: 1 };
  }
}

@Module({ providers: [Config], exports: [Config] })
class ConfigModule {}

test.each([
  ['forRoot', BackgroundTasksModule.forRoot({ blockingThreshold: 1 })],
  ['useFactory', BackgroundTasksModule.forRootAsync({ useFactory: async () => ({ blockingThreshold: 1 }) })],
  [
    'useFactory with dependencies',
    BackgroundTasksModule.forRootAsync({
      imports: [ConfigModule],
      inject: [Config],
      useFactory: (config: Config) => config.createBackgroundTasksOptions(),
    }),
  ],
  ['useClass', BackgroundTasksModule.forRootAsync({ useClass: Config })],
  ['useExisting', BackgroundTasksModule.forRootAsync({ imports: [ConfigModule], useExisting: Config })],
])('%s: the options arrive', async (_form, imported) => {
  const { module, log } = await compile({ imports: [imported] });
  const runner = module.get(TaskRunner);
  runner.start(() => {
    const end = performance.now() + 5;
    while (performance.now() < end);
  });
  await runner.drain();
  expect(log.said('warn')[0]?.message).toContain('blockingThreshold: 1');
});

test('it is global: other modules inject without importing it', async () => {
  @Injectable()
  class Service {
    constructor(readonly runner: TaskRunner) {}
  }
  @Module({ providers: [Service] })
  class FeatureModule {}
  const { module } = await compile({ imports: [BackgroundTasksModule.forRoot(), FeatureModule] });
  expect(module.get(Service, { strict: false }).runner).toBe(module.get(TaskRunner));
  expect(await module.resolve(BackgroundTasks)).toBeInstanceOf(BackgroundTasks);
});

@Module({ imports: [BackgroundTasksModule.forRoot()] })
class AppModule {}

@Module({ imports: [BackgroundTasksModule.forRoot({ onFailure: 'continue' })] })
class SecondModule {}

@Module({ imports: [BackgroundTasksModule] })
class BareModule {}

test.each([
  ['forRoot twice', [AppModule, SecondModule], importedMoreThanOnce(2, ['AppModule', 'SecondModule'])],
  ['forRoot and the bare class', [AppModule, BareModule], importedMoreThanOnce(2, ['AppModule', 'BareModule'])],
  ['the bare class', [BareModule], importedWithoutForRoot(['BareModule'])],
])('%s is an error that says so', async (_label, imports, message) => {
  await expect(compile({ imports })).rejects.toThrow(new ModuleImportError(message));
});

test('@Tasks() without the module is an error that says so', async () => {
  @Controller()
  class Lonely {
    @Get()
    get(@Tasks() _tasks: BackgroundTasks) {}
  }
  await expect(compile({ controllers: [Lonely] })).rejects.toThrow(new ModuleImportError(tasksWithoutModule()));
});
