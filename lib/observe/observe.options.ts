import { aBoolean, type OptionRules } from '../validation/option-rules.ts';

/** Holds what the messages of the diagnostics channels contain. */
export class ObserveOptions {
  /**
   * Sets whether messages hold the arguments and the results of tasks.
   *
   * They can hold passwords and personal data.
   *
   * @default false
   */
  arguments = false;
}

export const observeRules: OptionRules<ObserveOptions> = { arguments: aBoolean };
