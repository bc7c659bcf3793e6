import type { TaskError } from '../../task/model/task-record.ts';

/**
 * Keeps the beginnings of the texts of an error: a message can have a whole answer of another server in it.
 *
 * @param max characters of each text
 */
export function shortError({ name, message, cause }: TaskError, max: number): TaskError {
  return { name: cut(name, max), message: cut(message, max), ...(cause && { cause: shortError(cause, max) }) };
}

function cut(text: string, max: number): string {
  // By way of JSON: V8's slices keep the whole text in memory.
  return text.length > max ? (JSON.parse(JSON.stringify(`${text.slice(0, max)}…`)) as string) : text;
}
