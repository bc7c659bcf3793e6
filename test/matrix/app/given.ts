import type { Tell } from './steps.ts';

/** The injection token of `Given`. */
export const GIVEN = Symbol('given');

/** The values that differ between the ways to start the application. */
export interface Given {
  scope: 'REQUEST' | 'DEFAULT';
  /** A task for a thread. Only its file differs between ESM and CommonJS. */
  digest: (text: string) => unknown;
  tell: Tell;
  /** Resolves when the application has been told to close. */
  closing: Promise<unknown>;
}
