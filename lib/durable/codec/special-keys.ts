/*
 * superjson refuses objects with the keys `__proto__`, `constructor` and `prototype`, which request bodies can have. Plain
 * JSON keeps them as own properties, and so do tasks. This file renames such keys before superjson sees them, and renames
 * them back afterwards.
 */
import { walk } from '../../util/walk.ts';

const SPECIAL = /^~*(?:__proto__|constructor|prototype)$/;
const ESCAPED = /^~+(?:__proto__|constructor|prototype)$/;

export function hasSpecialKey(value: unknown): boolean {
  return (
    walk(value, (part) => (isObject(part) && Object.keys(part).some((key) => SPECIAL.test(key))) || undefined) ?? false
  );
}

export function escapeKey(key: string): string {
  return SPECIAL.test(key) ? `~${key}` : key;
}

/** Renames the keys back, in place. */
export function unescapeKeys(value: unknown): void {
  walk(value, (part) => {
    if (isObject(part) && Object.keys(part).some((key) => ESCAPED.test(key))) {
      // Sets all keys again, so that they keep their order. Deletes all first: a renamed key can get the name of the next one.
      const entries = Object.entries(part);
      for (const [key] of entries) {
        delete part[key];
      }
      for (const [key, it] of entries) {
        const name = ESCAPED.test(key) ? key.slice(1) : key;
        // Assigning `__proto__` would change the prototype.
        Object.defineProperty(part, name, { value: it, enumerable: true, configurable: true, writable: true });
      }
    }
    return undefined;
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
