import { aBoolean, type OptionRules } from '../validation/option-rules.ts';

/** What the messages of the diagnostics channels hold. */
export class ObserveOptions {
  /**
   * Whether messages hold the arguments and the results of tasks. They can hold passwords and personal data.
   *
   * @default false
   */
  arguments = false;
}

export const observeRules: OptionRules<ObserveOptions> = { arguments: aBoolean };
