const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Writes a duration in ms for a reader: `0.4 ms`, `340 ms`, `4.2 s`, `3 m 05 s`, `2 h 14 m`, `3 d 4 h`. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) {
    return '–';
  }
  if (ms < 0) {
    return `−${duration(-ms)}`;
  }
  if (ms < 0.05) {
    return '0 ms';
  }
  if (ms < 9.95) {
    return `${(Math.round(ms * 10) / 10).toString()} ms`;
  }
  if (ms < SECOND - 0.5) {
    return `${Math.round(ms)} ms`;
  }
  if (ms < 10 * SECOND - 50) {
    return `${(ms / SECOND).toFixed(1)} s`;
  }
  return wholeSeconds(ms);
}

/** How long it was from one time to another, in ms. Clocks of processes differ a little: it is never negative. */
export const timeBetween = (from: string, to: string): number => Math.max(0, Date.parse(to) - Date.parse(from));

/** Writes a duration that goes on: whole seconds, so that it doesn't flicker. */
export function wholeSeconds(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / SECOND));
  if (seconds < 60) {
    return `${seconds} s`;
  }
  if (ms < HOUR - SECOND / 2) {
    return `${Math.floor(seconds / 60)} m ${two(seconds % 60)} s`;
  }
  if (ms < DAY - MINUTE / 2) {
    const minutes = Math.round(ms / MINUTE);
    return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} m`;
  }
  const hours = Math.round(ms / HOUR);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Writes how long ago something was, in one unit: `12 s`, `3 m`, `2 h`, `5 d`. */
export function age(ms: number): string {
  if (ms < MINUTE - SECOND / 2) {
    return `${Math.max(0, Math.round(ms / SECOND))} s`;
  }
  if (ms < HOUR - MINUTE / 2) {
    return `${Math.round(ms / MINUTE)} m`;
  }
  if (ms < DAY - HOUR / 2) {
    return `${Math.round(ms / HOUR)} h`;
  }
  return `${Math.round(ms / DAY)} d`;
}

const two = (value: number) => String(value).padStart(2, '0');

const dateAndTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long', hourCycle: 'h23' });

/** Writes a time in full, in the reader's zone. */
export function absolute(iso: string | number): string {
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? String(iso) : dateAndTime.format(time);
}

const clock = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});

/** Writes the time of a day: `09:41:07`. */
export const timeOfDay = (ms: number): string => clock.format(ms);

/** Writes the time of a day with its milliseconds. */
export function preciseTimeOfDay(iso: string): string {
  const time = new Date(iso);
  return `${clock.format(time)}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}

/** Writes an interval: `every 5 minutes`. */
export function interval(ms: number): string {
  const units: [string, number][] = [
    ['day', DAY],
    ['hour', HOUR],
    ['minute', MINUTE],
    ['second', SECOND],
  ];
  const [unit, length] = units.find(([, it]) => ms >= it && ms % it === 0) ?? ['ms', 1];
  const count = ms / length;
  if (unit === 'ms') {
    return `every ${count} ms`;
  }
  return count === 1 ? `every ${unit}` : `every ${count} ${unit}s`;
}
