/*
 * Keeps passwords, tokens and arguments of tasks out of texts that this package writes or passes on: log lines, records, and
 * the errors that it throws with their causes. Texts of other packages repeat URLs, and their errors have properties with
 * commands, requests and rows. It masks too much rather than too little.
 */
import { isError, read } from './inspect.ts';

const MASK = '***';

/** How many causes of causes a copy of an error has. */
const MAX_CAUSES = 5;

// A client can choose a part of a text, such as of "not an address: …". So none of these may search the rest of the text
// from each of its places: a repetition has a limit, or what comes before it is rare.

/** A URL, up to where its text ends. */
const URL_TEXT = /\b([a-z][a-z\d+.-]{0,30}):\/\/([^\s'"`<>]+)/gi;

/** How names of values end that are secret, in connection strings, forms and JSON. */
const SECRET = String.raw`(?:pass(?:word|wd|phrase|code)?|pwd|secret|token|(?:api|access|private)[-_]?key|credentials?|authorization)`;
const ASSIGNED = new RegExp(String.raw`(${SECRET}\s*=\s*)(?:"[^"]*"|'[^']*'|[^\s&;,'")}\]]+)`, 'gi');
const QUOTED = new RegExp(String.raw`(${SECRET}["']?\s*:\s*)(?:"[^"]*"|'[^']*')`, 'gi');

/** Of the header `Authorization`. A word of prose has no digit or sign in it. */
const CREDENTIALS = /\b(Bearer|Basic)\s+(?=\S*[\d._=+/-])[\w.~+/=-]{6,}/g;

/** Redis repeats the arguments of a command that it doesn't know: of AUTH, and of scripts that add jobs. */
const REDIS_ARGUMENTS = /(with args beginning with:).*/g;

/** Masks what looks like a secret in a text that another package or a task has written. */
export function withoutSecrets(text: string): string {
  return text
    .replace(URL_TEXT, (_url, scheme: string, rest: string) => `${scheme}://${maskedUrl(scheme, rest)}`)
    .replace(ASSIGNED, `$1${MASK}`)
    .replace(QUOTED, `$1'${MASK}'`)
    .replace(CREDENTIALS, `$1 ${MASK}`)
    .replace(REDIS_ARGUMENTS, `$1 ${MASK}`);
}

/** @param rest what follows `scheme://` */
function maskedUrl(scheme: string, rest: string): string {
  // Stacks have URLs of files, with lines behind a query.
  if (scheme === 'file') {
    return rest;
  }
  const [authority] = rest.split(/[/?#]/, 1) as [string];
  // In a password that is not encoded, `/`, `?` and `#` seem to end the authority. Paths of web pages may have an @ too.
  const isPlain = /^https?$/i.test(scheme) && /^[^:@]*(:\d+)?$/.test(authority);
  const at = isPlain ? -1 : rest.lastIndexOf('@');
  const shown = at < 0 ? rest : `${MASK}${rest.slice(at)}`;
  return shown.replace(/[?#].*$/s, (query) =>
    query.includes('=') ? query.replace(/=[^&;#?]*/g, `=${MASK}`) : query[0] + MASK,
  );
}

/**
 * Copies an error of another package, for the cause of one of ours. Keeps its name, message, stack, code and cause, without
 * secrets. Drops other properties: ioredis keeps the command with its arguments, and pg the row.
 */
export function withoutDetails(error: unknown): unknown {
  return copyOf(error, 0);
}

/** @param depth how many errors have this one as their cause: an error can be its own */
function copyOf(error: unknown, depth: number): unknown {
  if (!isError(error)) {
    return typeof error === 'string' ? withoutSecrets(error) : undefined;
  }
  const [code, cause] = [read(error, 'code'), read(error, 'cause')];
  const isShown = cause !== undefined && depth < MAX_CAUSES;
  const copy = new Error(textOf(error, 'message'), isShown ? { cause: copyOf(cause, depth + 1) } : {});
  return withNameAndStack(copy, error, textOf(error, 'stack'), code);
}

/**
 * Copies an error that code of the user threw while it was given arguments of a task. Keeps its name and where it was thrown:
 * its message may repeat the arguments.
 */
export function withoutMessage(error: unknown): unknown {
  if (!isError(error)) {
    return undefined;
  }
  const lines = textOf(error, 'stack').split('\n');
  const frames = lines.slice(lines.findLastIndex((line) => !line.startsWith('    at ')) + 1);
  const message = 'The message is left out: it may hold arguments of the task.';
  return withNameAndStack(
    new Error(message),
    error,
    `${textOf(error, 'name')}: ${[message, ...frames].join('\n')}`,
    undefined,
  );
}

function withNameAndStack(copy: Error, error: Error, stack: string, code: unknown): Error {
  Object.defineProperty(copy, 'name', { value: textOf(error, 'name'), configurable: true, writable: true });
  copy.stack = stack;
  return typeof code === 'string' || typeof code === 'number' ? Object.assign(copy, { code }) : copy;
}

function textOf(error: Error, key: 'name' | 'message' | 'stack'): string {
  const text = read(error, key);
  return typeof text === 'string' ? withoutSecrets(text) : '';
}
