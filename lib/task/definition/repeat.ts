import { InvalidOptionError } from '../../errors/task.errors.ts';
import { describe } from '../../util/inspect.ts';
import {
  checkOptions,
  integerFrom,
  MAX_DELAY,
  nonEmptyString,
  objectLike,
  type OptionRule,
  type OptionRules,
} from '../../validation/option-rules.ts';
import { repeatNeedsOne, repeatWithoutQueue } from '../task.messages.ts';

/**
 * Says when a task repeats.
 *
 * - `pattern`: a cron pattern of minute, hour, day of the month, month and day of the week. With six fields, seconds
 *   come first.
 * - `tz`: the IANA time zone of the pattern; by default, that of the process.
 * - `every`: the interval in ms, from 1 to 315,360,000,000 (10 years).
 *
 * @since 0.1.0
 */
export type Repeat = { pattern: string; tz?: string } | { every: number };

const timeZone: OptionRule = {
  expected: "a time zone such as 'Europe/Berlin'",
  accepts(value) {
    try {
      return typeof value === 'string' && Boolean(new Intl.DateTimeFormat('en', { timeZone: value }));
    } catch {
      return false;
    }
  },
};

export const repeatRule = objectLike("{ pattern: '0 3 * * *', tz: 'Europe/Berlin' } or { every: 60_000 }");

const rules: OptionRules<{ pattern?: string; tz?: string; every?: number }> = {
  pattern: nonEmptyString,
  tz: timeZone,
  every: integerFrom(1, MAX_DELAY),
};

/** @throws InvalidOptionError */
export function checkRepeat(where: string, repeat: Repeat | undefined, queue: string | undefined): Repeat | undefined {
  if (repeat === undefined) {
    return undefined;
  }
  if (queue === undefined) {
    throw new InvalidOptionError(repeatWithoutQueue(where));
  }
  const given: { pattern?: string; tz?: string; every?: number } = checkOptions(`${where}: repeat`, repeat, rules);
  if ((given.pattern === undefined) === (given.every === undefined) || (given.every && given.tz)) {
    throw new InvalidOptionError(repeatNeedsOne(where, describe(repeat)));
  }
  return given as Repeat;
}
