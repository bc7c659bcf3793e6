import { read } from '../util/inspect.ts';
import { either, integerFrom, type OptionRule, type OptionRules, plainObject } from '../validation/option-rules.ts';

/** What is kept of tasks that have come to their end, with the defaults. */
export class HistoryOptions {
  /** How many. 0: none. */
  max = 1_000;

  /** For how long, in ms. `Infinity`: until there are too many. */
  ttl = 3_600_000;
}

export const storeRule: OptionRule = {
  expected: 'a Keyv, or another object with the methods get and set',
  accepts: (value) =>
    plainObject.accepts(value) && ['get', 'set'].every((name) => typeof read(value as object, name) === 'function'),
};

export const historyRules: OptionRules<HistoryOptions> = {
  // Room for so many is taken at once.
  max: integerFrom(0, 1_000_000),
  ttl: either(integerFrom(1), Infinity),
};
