import { Inject, Injectable, Logger } from '@nestjs/common';
import { plainCopy } from '../../durable/codec/plain-copy.ts';
import type { TaskRecord } from '../../task/model/task-record.ts';
import { stackOf } from '../../util/error-text.ts';
import { withoutMessage } from '../../util/secrets.ts';
import { redactAsync, redactThrew } from '../dashboard.messages.ts';
import { DashboardSettings, type RedactOptions } from '../dashboard.options.ts';
import { displayOf } from './display.ts';

/** How many names of tasks the log remembers. */
const MAX_LOGGED = 1_000;

/** Shows what the option `redact` returns, and nothing else. */
@Injectable()
export class Redaction {
  readonly #logger = new Logger('BackgroundTasks');
  readonly #options: RedactOptions;
  readonly #logged = new Set<string>();

  constructor(@Inject(DashboardSettings) { redact }: DashboardSettings) {
    this.#options = typeof redact === 'function' ? { arguments: redact } : (redact ?? {});
  }

  get showsArguments(): boolean {
    return this.#options.arguments !== undefined;
  }

  get showsResults(): boolean {
    return this.#options.result !== undefined;
  }

  /** @returns what to show of the arguments, as JSON; `undefined` for nothing */
  arguments(task: TaskRecord, args: readonly unknown[]): unknown {
    const show = this.#options.arguments;
    return show && this.#shown(task, (record) => show(record, plainCopy(args, false) as readonly unknown[]));
  }

  /** @returns what to show of the result, as JSON; `undefined` for nothing */
  result(task: TaskRecord, result: unknown): unknown {
    const show = this.#options.result;
    return show && this.#shown(task, (record) => show(record, plainCopy(result, false)));
  }

  #shown({ result: _result, ...record }: TaskRecord, show: (record: TaskRecord) => unknown): unknown {
    const { name } = record;
    try {
      const shown = show(record);
      if (shown instanceof Promise) {
        shown.catch(() => undefined);
        this.#log(name, redactAsync(name));
        return undefined;
      }
      return displayOf(shown);
    } catch (error) {
      this.#log(name, redactThrew(name), error);
      return undefined;
    }
  }

  #log(name: string, message: string, error?: unknown): void {
    if (!this.#logged.has(name) && this.#logged.size < MAX_LOGGED) {
      this.#logged.add(name);
      this.#logger.error(message, ...(error === undefined ? [] : [stackOf(withoutMessage(error))]));
    }
  }
}
