import { inspect, type InspectOptions } from 'node:util';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import { errorRecord, type TaskError, withTexts } from '../task/model/task-record.ts';
import { stackOf } from '../util/error-text.ts';

/** The escape codes of the colors that Nest's logger has for these levels. `styleText` needs a terminal. */
const COLORS = { error: 31, debug: 95 } as const;

/** Characters of one text. Collectors of logs drop lines that are too long, or cut their JSON. */
const MAX_TEXT = 50_000;

/** A task, as a line of the log names it. */
interface LoggedTask {
  readonly id: string;
  readonly name: string;
  readonly queue?: string;
  /** The number of the attempt; 0 if none has begun. */
  readonly attempt: number;
  /** ms since the first attempt began. */
  readonly duration?: number;
  readonly route?: string;
}

/**
 * Says what went wrong with one task, in one line of the log: an object for loggers that write JSON, text for all others.
 *
 * JSON has only the own properties. pino expects the text in `msg`, and winston in `message`. `message` is a getter, because
 * JSON would otherwise have the text twice. The stack is in `error`, because nestjs-pino takes a second argument for the text
 * of an object.
 */
export class TaskLogLine {
  readonly msg: string;
  readonly task: LoggedTask;
  readonly error: TaskError & { readonly stack: string };
  readonly #color: number;

  constructor(msg: string, task: BackgroundTask, thrown: unknown, level: keyof typeof COLORS) {
    this.msg = cut(msg);
    const { id, name, queue, attempts } = task.toRecord();
    const { ran, route } = task;
    this.task = {
      id,
      name,
      ...(queue !== undefined && { queue }),
      attempt: attempts,
      ...(ran !== undefined && { duration: ran }),
      ...(route !== undefined && { route }),
    };
    this.error = { ...withTexts(errorRecord(thrown), cut), stack: cut(stackOf(thrown)) };
    this.#color = COLORS[level];
  }

  get message(): string {
    return this.msg;
  }

  toString(): string {
    return `${this.msg}\n${this.error.stack}`;
  }

  [inspect.custom](_depth: number, { colors }: InspectOptions): string {
    return colors ? `\x1b[${this.#color}m${this.msg}\x1b[39m\n${this.error.stack}` : this.toString();
  }
}

/** Call it only after secrets are masked: the masking does not find a part of a secret. */
function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}… (${text.length - MAX_TEXT} more characters)` : text;
}
