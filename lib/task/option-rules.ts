import { describe } from '../errors/describe.ts';
import { InvalidOptionError } from '../errors/invalid-option.error.ts';
import { optionsNotAnObject, unknownOption, wrongOption } from '../messages.ts';

/** What an option accepts, and how an error message says so. */
export interface OptionRule {
  readonly expected: string;
  accepts(value: unknown): boolean;
}

export type OptionRules<T> = { readonly [K in keyof T]-?: OptionRule };

export function oneOf(...values: readonly string[]): OptionRule {
  return {
    expected: `one of ${values.map((value) => `'${value}'`).join(', ')}`,
    accepts: (value) => values.includes(value as string),
  };
}

export const milliseconds: OptionRule = {
  expected: 'a number of milliseconds, 0 or more',
  accepts: (value) => typeof value === 'number' && value >= 0 && Number.isFinite(value),
};

export const nonEmptyString: OptionRule = {
  expected: 'a string that is not empty',
  accepts: (value) => typeof value === 'string' && value !== '',
};

/**
 * Gives the options that were set. One that is `undefined` counts as left out.
 *
 * @param where how the reader would name the call, for the message: `forRoot`
 * @throws InvalidOptionError for an unknown name or a value that its rule refuses
 */
export function checkOptions<T extends object>(where: string, options: T, rules: OptionRules<T>): T {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new InvalidOptionError(optionsNotAnObject(where, describe(options)));
  }
  const given: Partial<T> = {};
  for (const name of Object.keys(options) as (keyof T & string)[]) {
    const value = options[name];
    if (!Object.hasOwn(rules, name)) {
      throw new InvalidOptionError(unknownOption(where, name, Object.keys(rules)));
    }
    if (value === undefined) {
      continue;
    }
    if (!rules[name].accepts(value)) {
      throw new InvalidOptionError(wrongOption(where, name, describe(value), rules[name].expected));
    }
    given[name] = value;
  }
  return given as T;
}
