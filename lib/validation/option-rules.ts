import { InvalidOptionError } from '../errors/task.errors.ts';
import { describe } from '../util/inspect.ts';
import { optionsNotAnObject, unknownOption, wrongOption } from './validation.messages.ts';

/** What an option accepts, and the words for it in an error message: `expected <expected>, got …`. */
export interface OptionRule {
  readonly expected: string;
  accepts(value: unknown): boolean;
  /** Describes a value that it refuses. Default: `describe`. */
  readonly describe?: (value: unknown) => string;
}

/** One rule for each option of `T`. */
export type OptionRules<T> = { readonly [K in keyof T]-?: OptionRule };

export function oneOf(...values: readonly string[]): OptionRule {
  const quoted = values.map((value) => `'${value}'`);
  return {
    expected: `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`,
    accepts: (value) => values.includes(value as string),
  };
}

export const aBoolean: OptionRule = {
  expected: 'true or false',
  accepts: (value) => typeof value === 'boolean',
};

/** A time that is measured, and that nothing waits for. */
export const milliseconds: OptionRule = {
  expected: 'a number of milliseconds, 0 or more',
  accepts: (value) => typeof value === 'number' && value >= 0 && Number.isFinite(value),
};

/** The longest time that a timer of Node can wait, in ms: 24.8 days. A longer one ends after 1 ms. */
export const MAX_TIMER = 2 ** 31 - 1;

/** The longest delay in a queue, in ms: 10 years. Redis keeps the time of a delayed job to the millisecond until 2039. */
export const MAX_DELAY = 10 * 365 * 24 * 3_600_000;

export const timeLimit: OptionRule = {
  expected: `a number of milliseconds, more than 0 and at most ${MAX_TIMER}`,
  accepts: (value) => typeof value === 'number' && value > 0 && value <= MAX_TIMER,
};

export const delayTime: OptionRule = {
  expected: `a number of milliseconds, 0 or more and at most ${MAX_TIMER}`,
  accepts: (value) => milliseconds.accepts(value) && (value as number) <= MAX_TIMER,
};

/** A delay, or the delay of a backoff. `assertWithinTimer` sets the limit for tasks without a queue. */
export const queueDelay: OptionRule = {
  expected:
    `a number of milliseconds, 0 or more and at most ${MAX_TIMER} (24.8 days), ` +
    `or with a queue at most ${MAX_DELAY} (10 years)`,
  accepts: (value) => milliseconds.accepts(value) && (value as number) <= MAX_DELAY,
};

export const aFunction: OptionRule = {
  expected: 'a function',
  accepts: (value) => typeof value === 'function',
};

export function numberBetween(min: number, max: number): OptionRule {
  return {
    expected: `a number from ${min} to ${max}`,
    accepts: (value) => typeof value === 'number' && value >= min && value <= max,
  };
}

export const positiveNumber: OptionRule = {
  expected: 'a number, more than 0',
  accepts: (value) => typeof value === 'number' && value > 0 && Number.isFinite(value),
};

/** Accepts whole numbers. */
export function integerFrom(min: number, max = Number.MAX_SAFE_INTEGER): OptionRule {
  return {
    expected: `a whole number, ${min} or more${max === Number.MAX_SAFE_INTEGER ? '' : ` and at most ${max}`}`,
    accepts: (value) => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
  };
}

export function either(rule: OptionRule, ...values: readonly unknown[]): OptionRule {
  return {
    expected: `${rule.expected}, or ${values.map(String).join(', ')}`,
    accepts: (value) => rule.accepts(value) || values.includes(value),
  };
}

/** Accepts instances of classes too. */
export const anObject: OptionRule = {
  expected: 'an object',
  accepts: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
};

/** Accepts any object, because the caller then checks its options one by one. `example` is for the message. */
export function objectLike(example: string): OptionRule {
  return { expected: `an object like ${example}`, accepts: (value) => anObject.accepts(value) };
}

export const listOfStrings: OptionRule = {
  expected: 'a list of strings',
  accepts: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
};

export const nonEmptyString: OptionRule = {
  expected: 'a string that is not empty',
  accepts: (value) => typeof value === 'string' && value !== '',
};

/**
 * Checks options against their rules. An option that is `undefined` counts as left out.
 *
 * @param where the call, as the user writes it: `with`
 * @param required the options that must be given
 * @returns a copy without the options that are `undefined`
 * @throws InvalidOptionError if an option is unknown, is missing, or has a value that its rule refuses
 */
export function checkOptions<T extends object, G extends { [K in keyof T]?: unknown }>(
  where: string,
  options: G,
  rules: OptionRules<T>,
  required: readonly (keyof T & string)[] = [],
): G {
  if (!anObject.accepts(options)) {
    throw new InvalidOptionError(optionsNotAnObject(where, describe(options)));
  }
  const given: Partial<G> = {};
  for (const name of Object.keys(options) as (keyof G & keyof T & string)[]) {
    const value = options[name];
    if (!Object.hasOwn(rules, name)) {
      throw new InvalidOptionError(unknownOption(where, name, Object.keys(rules)));
    }
    if (value === undefined) {
      continue;
    }
    if (!rules[name].accepts(value)) {
      throw new InvalidOptionError(
        wrongOption(where, name, (rules[name].describe ?? describe)(value), rules[name].expected),
      );
    }
    given[name] = value;
  }
  for (const name of required) {
    if (!Object.hasOwn(given, name)) {
      throw new InvalidOptionError(wrongOption(where, name, 'nothing', rules[name].expected));
    }
  }
  return given as G;
}
