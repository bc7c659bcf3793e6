import { either, integerFrom, type OptionRules } from '../validation/option-rules.ts';

/** Holds how many settled tasks this process remembers, and for how long. */
export class HistoryOptions {
  /**
   * Limits how many settled tasks `TaskRegistry` remembers: from 0 to 1,000,000.
   *
   * `0` remembers none.
   *
   * @default 1_000
   */
  max = 1_000;

  /**
   * Limits how long a settled task is remembered, in ms: 1 or more.
   *
   * `Infinity` remembers it until `max` newer tasks have settled. A `store` keeps each record for as long.
   *
   * @default 3_600_000 (1 hour)
   */
  ttl = 3_600_000;
}

export const historyRules: OptionRules<HistoryOptions> = {
  // A list of more tasks would block the event loop.
  max: integerFrom(0, 1_000_000),
  ttl: either(integerFrom(1), Infinity),
};
