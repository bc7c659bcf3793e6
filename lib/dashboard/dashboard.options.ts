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
 * Shows arguments and results. Without one of the two, the dashboard hides them.
 *
 * @since 0.1.0
 */
export interface RedactOptions {
  arguments?: RedactArguments;
  /** Returns what the dashboard shows of the result of a task. `undefined` shows nothing. */
  result?: (task: TaskRecord, result: unknown) => unknown;
}

/**
 * Which guards protect the dashboard. `'open'`: none.
 *
 * @since 0.1.0
 */
export type DashboardGuards = 'open' | readonly (CanActivate | Type<CanActivate>)[];

/** Where the dashboard is, and who gets in. Nest must know it before it makes providers. */
export class DashboardRouting {
  /**
   * The path of the page, after the global prefix of the application.
   *
   * @default 'background-tasks'
   */
  path = 'background-tasks';

  /**
   * The guards that protect the page, its files, its data and its actions: classes, which Nest makes, or objects. `'open'`:
   * everybody who reaches the application gets in.
   */
  guards!: DashboardGuards;
}

/** What the dashboard shows, and who may change something. */
export class DashboardSettings {
  /** The title of the page. */
  title: string | undefined = undefined;

  /**
   * Whether a request may cancel and retry tasks, and pause queues. It is called with the request of Express or Fastify, after
   * the guards. Default: all whom the guards let in; with `guards: 'open'`, nobody.
   */
  canAct: ((request: never) => boolean | Promise<boolean>) | undefined = undefined;

  /**
   * Shows arguments of tasks, and results. Without it, they are hidden. If it throws, they are hidden, and the log says so. A
   * function is for the arguments.
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

/** The options of `BackgroundTasksDashboardModule.forRoot`. */
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
