import { Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { describe, expect, test } from 'vitest';
import { BackgroundTasksModule, InvalidOptionError, ModuleImportError } from 'nestjs-background-tasks';
import { BackgroundTasksDashboardModule } from 'nestjs-background-tasks/dashboard';
import { PAGE_FOLDER } from '../../lib/dashboard/http/page-files.ts';
import { EventReader, ownPage, pageFolder, startDashboard } from './start-dashboard.ts';

const guard = { canActivate: () => true };

describe('wrong options', () => {
  test.each<[string, object, RegExp]>([
    ['no guards', {}, /option 'guards': expected a list of at least one guard, or 'open' for none, got nothing/],
    ['an empty list', { guards: [] }, /option 'guards': expected a list of at least one guard, .*, got an empty array/],
    ['another word', { guards: 'none' }, /'open' for none, got 'none'/],
    ['what is no guard', { guards: [{}] }, /option 'guards'/],
    ['a path for all', { guards: 'open', path: '/' }, /option 'path': expected a path such as/],
    ['a path with a parameter', { guards: 'open', path: '/:tenant' }, /option 'path'/],
    ['what can not be called', { guards: 'open', canAct: true }, /option 'canAct': expected a function, got true/],
    ['redact as a word', { guards: 'open', redact: 'all' }, /option 'redact': expected a function, or an object/],
    [
      'redact of something else',
      { guards: 'open', redact: { args: () => 1 } },
      /unknown|one of the options \(arguments, result\)/,
    ],
    ['an unknown option', { guards: 'open', gaurds: [] }, /one of the options \(path, guards, title, canAct, redact\)/],
  ])('%s', (_what, options, message) => {
    const make = () => BackgroundTasksDashboardModule.forRoot(options as { guards: 'open' });
    expect(make).toThrow(InvalidOptionError);
    expect(make).toThrow(message);
  });

  test('of forRootAsync stop the start', async () => {
    expect(() => BackgroundTasksDashboardModule.forRootAsync({} as { guards: 'open' })).toThrow(/option 'guards'/);
    const start = (settings: unknown) =>
      startDashboard({
        dashboard: BackgroundTasksDashboardModule.forRootAsync({
          guards: 'open',
          useFactory: () => settings as { title: string },
        }),
      });
    await expect(start({ title: 1 })).rejects.toThrow(InvalidOptionError);
    await expect(start({ guards: 'open' })).rejects.toThrow(/one of the options \(title, canAct, redact\)/);
    await expect(start(undefined)).rejects.toThrow(ModuleImportError);
  });
});

describe('wrong imports', () => {
  const compile = (
    imports: NonNullable<Parameters<typeof Test.createTestingModule>[0]['imports']>,
    folder = pageFolder,
  ) => Test.createTestingModule({ imports }).overrideProvider(PAGE_FOLDER).useValue(folder).compile();

  test('without BackgroundTasksModule', async () => {
    const compiled = compile([BackgroundTasksDashboardModule.forRoot({ guards: 'open' })]);
    await expect(compiled).rejects.toThrow(/expected BackgroundTasksModule in the application, got none/);
    await expect(compiled).rejects.toThrow(ModuleImportError);
  });

  test('without options', async () => {
    const compiled = compile([BackgroundTasksModule.forRoot(), BackgroundTasksDashboardModule]);
    await expect(compiled).rejects.toThrow(/expected an import with options/);
  });

  test('without the files of the page', async () => {
    const dashboard = BackgroundTasksDashboardModule.forRoot({ guards: 'open' });
    const module = await compile([BackgroundTasksModule.forRoot(), dashboard], '/nowhere');
    await expect(module.init()).rejects.toThrow(/expected the files of the page in \/nowhere, got none/);
  });
});

describe('forRootAsync', () => {
  @Injectable()
  class Config {
    readonly stage = 'Stage';
  }

  @Module({ providers: [Config], exports: [Config] })
  class ConfigModule {}

  const path = 'tasks';

  @Injectable()
  class Factory {
    createDashboardOptions() {
      return { title: 'By class', canAct: () => true };
    }
  }

  @Module({ providers: [Factory], exports: [Factory] })
  class FactoryModule {}

  test.each([
    [
      'Stage',
      BackgroundTasksDashboardModule.forRootAsync({
        path,
        guards: [guard],
        imports: [ConfigModule],
        inject: [Config],
        useFactory: async (config: Config) => ({ title: config.stage }),
      }),
    ],
    ['By class', BackgroundTasksDashboardModule.forRootAsync({ path, guards: [guard], useClass: Factory })],
    [
      'By class',
      BackgroundTasksDashboardModule.forRootAsync({
        path,
        guards: [guard],
        imports: [FactoryModule],
        useExisting: Factory,
      }),
    ],
  ])('reads its settings when the application starts: %s', async (title, dashboard) => {
    const { url } = await startDashboard({ dashboard });
    const reader = await EventReader.connect(`${url}/tasks/api/events`);
    await expect.poll(() => reader.events[0]?.data).toMatchObject({ title, canAct: true });
    const action = { method: 'POST', headers: ownPage, body: '{}' };
    expect((await fetch(`${url}/tasks/api/tasks/retry`, action)).status).toBe(400);
  });
});
