/** How far a task has come: `part` from 0 to 1 where that can be known, and words. */
export interface ProgressText {
  part?: number;
  text: string;
}

const done = new Set(['done', 'current', 'completed', 'processed', 'loaded', 'step']);
const all = new Set(['total', 'of', 'max', 'count', 'steps']);
const percents = new Set(['percent', 'percentage', 'progress']);

/**
 * Reads progress, which has the task's own terms. A number is a percentage, or a part if it is between 0 and 1. An object
 * may have a percentage, or a number that is done and the number of all.
 */
export function readProgress(progress: number | object): ProgressText {
  if (typeof progress === 'number') {
    return ofPercent(progress > 0 && progress < 1 ? progress * 100 : progress);
  }
  const fields = Object.entries(progress);
  const numberIn = (names: Set<string>) =>
    fields.find(([key, value]) => names.has(key) && typeof value === 'number') as [string, number] | undefined;
  const [doneField, allField, percentField] = [numberIn(done), numberIn(all), numberIn(percents)];
  const used = new Set([doneField, allField, percentField].map((it) => it?.[0]));
  const words = fields.filter(([key]) => !used.has(key)).map(([key, value]) => wordsOf(key, value));
  if (doneField && allField && allField[1] > 0) {
    const text = [`${format(doneField[1])} of ${format(allField[1])}`, ...words].join(' · ');
    return { part: within(doneField[1] / allField[1]), text };
  }
  if (percentField) {
    const { part, text } = readProgress(percentField[1]);
    return { ...(part !== undefined && { part }), text: [text, ...words].join(' · ') };
  }
  return { text: fields.map(([key, value]) => wordsOf(key, value)).join(' · ') };
}

function ofPercent(value: number): ProgressText {
  return value >= 0 && value <= 100 ? { part: value / 100, text: `${Math.round(value)} %` } : { text: format(value) };
}

const format = (value: number) => value.toLocaleString('en', { maximumFractionDigits: 1 });
const within = (part: number) => Math.min(1, Math.max(0, part));

function wordsOf(key: string, value: unknown): string {
  if (typeof value === 'string') {
    return value;
  }
  return `${key}: ${typeof value === 'number' ? format(value) : JSON.stringify(value)}`;
}
