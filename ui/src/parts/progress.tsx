import { readProgress } from '../format/progress.ts';

/** A bar, where progress has a measure, and its words. */
export function Progress({ value, name }: { value: number | object; name: string }) {
  const { part, text } = readProgress(value);
  if (part === undefined) {
    return (
      <span class="progress-text" title={text}>
        {text}
      </span>
    );
  }
  return (
    <span class="progress" title={text}>
      <span
        class="bar"
        role="progressbar"
        aria-label={`Progress of ${name}`}
        aria-valuenow={Math.round(part * 100)}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuetext={text}
      >
        <span class="bar-fill" style={{ width: `${part * 100}%` }} />
      </span>
      <span class="progress-text">{text}</span>
    </span>
  );
}
