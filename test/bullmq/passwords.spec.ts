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
    [`mysql://ada:${PASSWORD}@db/app`, "a string that begins with 'mysql://'"],
    [`mysql://ada:${PASSWORD}@${PASSWORD}/${PASSWORD}:@db`, "a string that begins with 'mysql://'"],
    [`pglite://ada:${PASSWORD}@db`, "a string that begins with 'pglite://'"],
    [`https://${PASSWORD}@db`, "a string that begins with 'https://'"],
    [`mysql://db/app?user=ada&password=${PASSWORD}&ssl=true`, "a string that begins with 'mysql://'"],
    [` redis://ada:${PASSWORD}@db`, 'a string'],
    [`ada:${PASSWORD}@db:6379`, 'a string'],
    [`host=db password=${PASSWORD} user=ada`, 'a string'],
    [PASSWORD, 'a string'],
  ])('%s', (connection, described) => {
    const error = errorOf(() => resolveBullMqOptions({ connection }));
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect((error as Error).message).toContain(`got ${described}`);
    expect(shown(error)).not.toContain(PASSWORD);
  });

  test('also in place of the options', () => {
    const options = `redis://ada:${PASSWORD}@db` as unknown as BullMqTasksModuleOptions;
    expect(shown(errorOf(() => resolveBullMqOptions(options)))).not.toContain(PASSWORD);
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
