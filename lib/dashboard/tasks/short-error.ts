import { type TaskError, withTexts } from '../../task/model/task-record.ts';

/**
 * Keeps the beginnings of the texts of an error: a message can have a whole answer of another server in it.
 *
 * @param max characters of each text
 */
export function shortError(error: TaskError, max: number): TaskError {
  return withTexts(error, (text) => shortText(text, max));
}

export function shortText(text: string, max: number): string {
  // JSON makes a copy, because a slice of V8 keeps the whole text in memory.
  return text.length > max ? (JSON.parse(JSON.stringify(`${text.slice(0, max)}…`)) as string) : text;
}
