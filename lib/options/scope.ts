import { Scope } from '@nestjs/common';
import { InvalidOptionError } from '../errors/task.errors.ts';
import { describe } from '../util/inspect.ts';
import type { OptionRule } from '../validation/option-rules.ts';
import { wrongOption } from '../validation/validation.messages.ts';

/** The injection token of the option `scope`. */
export const TASKS_SCOPE = Symbol('nestjs-background-tasks.scope');

/**
 * Holds the options that decide which providers the module has.
 *
 * Nest must know them before it calls the factory of the options.
 */
export class BackgroundTasksExtras {
  /**
   * Sets the scope of `BackgroundTasks`.
   *
   * `Scope.REQUEST`: Nest creates one for each request. `Scope.DEFAULT`: a singleton that finds the request by its
   * async context. It is faster, and singletons can inject it.
   *
   * @default Scope.REQUEST
   */
  scope?: Scope = Scope.REQUEST;
}

export const scopeRule: OptionRule = {
  expected: 'Scope.REQUEST or Scope.DEFAULT',
  accepts: (value) => value === Scope.REQUEST || value === Scope.DEFAULT,
};

/** The rule for options that a factory returns: Nest needs the scope before it calls the factory. */
export const noScopeRule: OptionRule = {
  expected: 'nothing: give it to forRootAsync itself, beside useFactory',
  accepts: () => false,
};

/** @throws InvalidOptionError */
export function checkScope(scope: BackgroundTasksExtras['scope'] = Scope.REQUEST): Scope {
  if (!scopeRule.accepts(scope)) {
    throw new InvalidOptionError(wrongOption('BackgroundTasksModule', 'scope', describe(scope), scopeRule.expected));
  }
  return scope;
}
