import { InvalidOptionError } from '../../errors/task.errors.ts';
import { read } from '../../util/inspect.ts';
import type { BullMqTasksOptions } from '../bullmq-tasks.options.ts';
import { unfitConnectionOption, wrongDatabase } from '../bullmq.messages.ts';

/** Options of ioredis that BullMQ can't work with, and what to do instead. */
const UNFIT: { readonly [option: string]: string } = {
  keyPrefix: "Use the module's option 'prefix'.",
  stringNumbers: 'Leave it out.',
  monitor: 'Leave it out.',
};

/** In a URL, an option of ioredis overrides what the module sets for its connections. */
const SET_BY_MODULE = [
  'autoResendUnfulfilledCommands',
  'blockingTimeout',
  'commandTimeout',
  'enableAutoPipelining',
  'enableOfflineQueue',
  'lazyConnect',
  'maxRetriesPerRequest',
  'reconnectOnError',
  'retryStrategy',
  'socketTimeout',
];

/** @throws InvalidOptionError if the options of ioredis can't work for queues */
export function checkRedisOptions({ connection }: BullMqTasksOptions): void {
  const isUrl = typeof connection === 'string';
  const given = isUrl
    ? Object.fromEntries(new URLSearchParams(connection.split(/\?(.*)/s)[1]))
    : (((read(connection, 'options') as object | undefined) ?? connection) as { readonly [option: string]: unknown });
  const db = isUrl ? (/^\w+:\/\/[^/?]*\/([^?]+)/.exec(connection)?.[1] ?? given['db']) : given['db'];
  // ioredis would ask for the database NaN, and the error would end the process. The path of a URL can hold a part of the password.
  if (!Number.isSafeInteger(Number(db ?? 0)) || Number(db ?? 0) < 0) {
    throw new InvalidOptionError(wrongDatabase());
  }
  for (const [name, remedy] of Object.entries(UNFIT)) {
    // A default of ioredis for one of them turns it off.
    if (given[name]) {
      throw new InvalidOptionError(unfitConnectionOption(name, remedy));
    }
  }
  for (const name of isUrl ? SET_BY_MODULE.filter((it) => it in given) : []) {
    throw new InvalidOptionError(unfitConnectionOption(name, 'The module sets it: leave it out of the URL.'));
  }
}
