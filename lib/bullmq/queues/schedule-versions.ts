import { createHash } from 'node:crypto';

/** How long workers of different code take to agree, in ms. Tests make it shorter. */
export class RolloutTimes {
  /** The time between two confirmations: in each, a worker says which schedules its code has. */
  confirmEvery = 15_000;

  /** A schedule that a worker has confirmed within this time counts as one of running code. */
  aliveFor = 60_000;

  /** A schedule that no worker has confirmed for this time is removed by a worker whose code doesn't have it. */
  removeAfter = 600_000;

  /** A task whose name no worker has known for this time fails. */
  unknownFor = 3_600_000;
}

/**
 * For each version of each schedule, the queue's metadata say when a worker's code first had it, and when last. Of two versions
 * that running workers have, the one that came later is the newer code.
 */
const FIRST = 'nestjs-background-tasks.first:';
const LAST = 'nestjs-background-tasks.last:';

export interface ScheduleVersion {
  readonly version: string;
  /** ms since the epoch. */
  readonly first: number;
  readonly last: number;
}

export const firstField = (name: string, version: string) => `${FIRST}${name}:${version}`;
export const lastField = (name: string, version: string) => `${LAST}${name}:${version}`;

export function versionOf(schedule: object): string {
  return createHash('sha256').update(JSON.stringify(schedule)).digest('hex').slice(0, 16);
}

/** @returns the name of the schedule that a field of the metadata is about; `undefined` for another field */
export function nameOfVersion(field: string): string | undefined {
  return field.startsWith(LAST) ? field.slice(LAST.length, field.lastIndexOf(':')) : undefined;
}

/** Reads all versions of a schedule. */
export function versionsOf(name: string, meta: { readonly [field: string]: string }): ScheduleVersion[] {
  return Object.keys(meta)
    .filter((field) => nameOfVersion(field) === name)
    .map((field) => {
      const version = field.slice(field.lastIndexOf(':') + 1);
      return { version, first: Number(meta[firstField(name, version)] ?? 0), last: Number(meta[field]) };
    });
}
