import type { Tell } from './steps.ts';

/** The token of what the application is given. */
export const GIVEN = Symbol('given');

/** What differs between the ways in which the application is started. */
export interface Given {
  scope: 'REQUEST' | 'DEFAULT';
  /** A task for a thread: its file is the one thing that is written otherwise in ESM than in CommonJS. */
  digest: (text: string) => unknown;
  tell: Tell;
  /** Resolves when the application has been told to close. */
  closing: Promise<unknown>;
}
