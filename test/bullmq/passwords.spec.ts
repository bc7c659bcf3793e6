import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { InvalidOptionError } from 'nestjs-background-tasks';
import { BullMqTasksModule, type BullMqTasksModuleOptions } from 'nestjs-background-tasks/bullmq';
import { resolveBullMqOptions } from '../../lib/bullmq/bullmq-tasks.options.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';

const PASSWORD = 's3cr3t';

/** Everything that a log could show of an error: its message, stack, properties and causes. */
const shown = (error: unknown) => inspect(error, { depth: 10, showHidden: true, getters: true });

function errorOf(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('no error');
}

const start = (connection: string) =>
  startApp({ imports: [BullMqTasksModule.forRoot({ connection, prefix: ownPrefix() })] });

stopStores();

describe('a connection that is refused for its form is shown without its password', () => {
  test.each([
    [`mysql://ada:${PASSWORD}@db/app`, 'mysql://ada:***@db/app'],
    [`mysql://:${PASSWORD}@db`, 'mysql://:***@db'],
    [`mysql://ada:${PASSWORD}@${PASSWORD}/${PASSWORD}:@db`, 'mysql://ada:***@db'],
    [`pglite://ada:${PASSWORD}@db`, 'pglite://ada:***@db'],
    [` redis://ada:${PASSWORD}@db`, ' redis:***@db'],
    [`ada:${PASSWORD}@db:6379`, 'ada:***@db:6379'],
    [`https://${PASSWORD}@db`, 'https:***@db'],
    [`mysql://db/app?user=ada&password=${PASSWORD}&ssl=true`, 'mysql://db/app?user=ada&password=***&ssl=true'],
    [`host=db password=${PASSWORD} user=ada`, 'host=db password=*** user=ada'],
    ['mysql://db:3306/app', 'mysql://db:3306/app'],
  ])('%s', (connection, masked) => {
    const error = errorOf(() => resolveBullMqOptions({ connection }));
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect((error as Error).message).toContain(`got '${masked}'`);
    expect(shown(error)).not.toContain(PASSWORD);
  });

  test('also in place of the options', () => {
    const options = `redis://ada:${PASSWORD}@db` as unknown as BullMqTasksModuleOptions;
    const error = errorOf(() => resolveBullMqOptions(options));
    expect((error as Error).message).toContain("got 'redis://ada:***@db'");
    expect(shown(error)).not.toContain(PASSWORD);
  });
});

describe('an application that does not start shows no password', () => {
  const started = async (connection: string): Promise<unknown> => start(connection).catch((error: unknown) => error);

  test.each(stores)('because $name does not know the user', async ({ connection }) => {
    const url = new URL(connection);
    Object.assign(url, { username: 'nobody', password: PASSWORD });
    const error = await started(url.href);
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(shown(error)).not.toContain(PASSWORD);
  });

  test('because the URL can’t be parsed', async () => {
    const error = await started(`redis://ada:${PASSWORD}@db:port`);
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(shown(error)).not.toContain(PASSWORD);
  });
});
