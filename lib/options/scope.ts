import { Scope } from '@nestjs/common';
import { InvalidOptionError } from '../errors/task.errors.ts';
import { describe } from '../util/inspect.ts';
import type { OptionRule } from '../validation/option-rules.ts';
import { wrongOption } from '../validation/validation.messages.ts';

/** What decides how the module is made, and so has to be known before any factory is asked. */
export class BackgroundTasksExtras {
  /**
   * Whether Nest makes `BackgroundTasks` anew for each request, or it is a singleton that finds the request by its async
   * context. `Scope.DEFAULT` is faster, and can be injected into singletons.
   */
  scope?: Scope = Scope.REQUEST;
}

export const scopeRule: OptionRule = {
  expected: 'Scope.REQUEST or Scope.DEFAULT',
  accepts: (value) => value === Scope.REQUEST || value === Scope.DEFAULT,
};

/** For options that come from a factory. */
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
