import { absolute, age, wholeSeconds } from '../format/durations.ts';
import { now } from '../state/clock.ts';

/** How long ago a time was. The full time is in the title. */
export function Ago({ at, suffix = ' ago' }: { at: string; suffix?: string }) {
  const ms = now.value - Date.parse(at);
  return (
    <time dateTime={at} title={absolute(at)}>
      {ms < 1500 ? 'now' : `${age(ms)}${suffix}`}
    </time>
  );
}

/** How long it is until a time. */
export function Until({ at }: { at: string }) {
  const ms = Date.parse(at) - now.value;
  return (
    <time dateTime={at} title={absolute(at)}>
      {ms <= 0 ? 'due now' : `in ${wholeSeconds(ms)}`}
    </time>
  );
}

/** How long something has gone on. */
export function Since({ at }: { at: string }) {
  return (
    <time dateTime={at} title={`Since ${absolute(at)}`}>
      {wholeSeconds(now.value - Date.parse(at))}
    </time>
  );
}
