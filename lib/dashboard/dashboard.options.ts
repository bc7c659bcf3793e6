import type { CanActivate, Type } from '@nestjs/common';
import type { TaskRecord } from '../task/model/task-record.ts';
import {
  aFunction,
  checkOptions,
  nonEmptyString,
  type OptionRule,
  type OptionRules,
} from '../validation/option-rules.ts';

/**
 * Returns what the dashboard shows of the arguments of a task. `undefined` shows nothing.
 *
 * @param task the record, without its result
 * @param args a copy
 * @since 0.1.0
 */
export type RedactArguments = (task: TaskRecord, args: readonly unknown[]) => unknown;

/**
 * Returns what to show of arguments and results. The dashboard hides what has no function here.
 *
 * @since 0.1.0
 */
export interface RedactOptions {
  arguments?: RedactArguments;
  /** Returns what the dashboard shows of the result of a task. `undefined` shows nothing. */
  result?: (task: TaskRecord, result: unknown) => unknown;
}

/**
 * Names the guards that protect the dashboard.
 *
 * `'open'`: none.
 *
 * @since 0.1.0
 */
export type DashboardGuards = 'open' | readonly (CanActivate | Type<CanActivate>)[];

/**
 * Holds where the dashboard is, and who gets in.
 *
 * Nest must know it before it makes providers.
 */
export class DashboardRouting {
  /**
   * Sets the path of the page, after the global prefix of the application.
   *
   * @default 'background-tasks'
   */
  path = 'background-tasks';

  /**
   * Protects the page, its files, its data and its actions by guards.
   *
   * The guards are classes, which Nest makes, or objects. `'open'`: everybody who reaches the application gets in.
   */
  guards!: DashboardGuards;
}

/** Holds what the dashboard shows, and who may change something. */
export class DashboardSettings {
  /** Sets the title of the page. */
  title: string | undefined = undefined;

  /**
   * Decides whether a request may cancel and retry tasks, and pause queues.
   *
   * It is called after the guards, with the request of Express or Fastify. Default: every request that the guards let
   * in; with `guards: 'open'`, none.
   */
  canAct: ((request: never) => boolean | Promise<boolean>) | undefined = undefined;

  /**
   * Returns what to show of the arguments and results of tasks. Without it, they are hidden.
   *
   * A function is for the arguments. If it throws, they are hidden, and the log says so.
   */
  redact: RedactArguments | RedactOptions | undefined = undefined;
}

const PATH = /^\/?[\w.~-]+(\/[\w.~-]+)*\/?$/;

const isGuard = (it: unknown) =>
  typeof it === 'function' || typeof (it as Partial<CanActivate> | null)?.canActivate === 'function';

const guardsRule: OptionRule = {
  expected: "a list of at least one guard, or 'open' for none",
  accepts: (value) => value === 'open' || (Array.isArray(value) && value.length > 0 && value.every(isGuard)),
};

const pathRule: OptionRule = {
  expected: "a path such as '/background-tasks'",
  accepts: (value) => typeof value === 'string' && PATH.test(value),
};

const redactRules: OptionRules<RedactOptions> = { arguments: aFunction, result: aFunction };

const redactRule: OptionRule = {
  expected: 'a function, or an object like { arguments: (task, args) => …, result: (task, result) => … }',
  accepts: (value) => aFunction.accepts(value) || (typeof value === 'object' && value !== null),
};

const routingRules: OptionRules<DashboardRouting> = { path: pathRule, guards: guardsRule };
const settingsRules: OptionRules<DashboardSettings> = { title: nonEmptyString, canAct: aFunction, redact: redactRule };

/** Describes the options of `BackgroundTasksDashboardModule.forRoot`. */
export type DashboardOptions = Partial<DashboardRouting> &
  Pick<DashboardRouting, 'guards'> &
  Partial<DashboardSettings>;

/** @throws InvalidOptionError */
export function resolveDashboardOptions(options: DashboardOptions): DashboardRouting & DashboardSettings {
  const rules = { ...routingRules, ...settingsRules };
  const given = checkOptions('BackgroundTasksDashboardModule', options, rules, ['guards']);
  checkRedact(given.redact);
  return Object.assign(new DashboardRouting(), new DashboardSettings(), given);
}

/** @throws InvalidOptionError */
export function resolveRouting(options: Partial<DashboardRouting>): DashboardRouting {
  return Object.assign(
    new DashboardRouting(),
    checkOptions('BackgroundTasksDashboardModule', options, routingRules, ['guards']),
  );
}

/** @throws InvalidOptionError */
export function resolveSettings(options: Partial<DashboardSettings>): DashboardSettings {
  const given = checkOptions('BackgroundTasksDashboardModule', options, settingsRules);
  checkRedact(given.redact);
  return Object.assign(new DashboardSettings(), given);
}

function checkRedact(redact: unknown): void {
  if (typeof redact === 'object') {
    checkOptions('BackgroundTasksDashboardModule: redact', redact as RedactOptions, redactRules);
  }
}
