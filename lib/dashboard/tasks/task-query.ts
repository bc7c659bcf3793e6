import type { TaskStatus } from '../../task/model/task-record.ts';
import { wrongParameter } from '../dashboard.messages.ts';
import { ApiError } from '../http/api-error.ts';
import { SameText } from './shown-text.ts';

/** Which tasks the page asks for. */
export interface TaskQuery {
  /** In small letters. */
  readonly search: string | undefined;
  readonly status: TaskStatus | undefined;
  readonly name: SameText | undefined;
  readonly queue: string | undefined;
  readonly route: SameText | undefined;
  /** ms since the epoch: later tasks are left out. */
  readonly before: number | undefined;
  readonly offset: number;
  readonly limit: number;
}

const STATUSES: readonly string[] = ['pending', 'running', 'completed', 'failed', 'cancelled', 'skipped'];

/** The most rows of one answer, which the page asks for. Each row of a task in a queue takes a request to the server. */
const MAX_LIMIT = 100;

/** @throws ApiError */
export function readTaskQuery(query: URLSearchParams): TaskQuery {
  const text = (name: string) => query.get(name) || undefined;
  const same = (name: string) => sameAs(text(name));
  const status = text('status');
  if (status !== undefined && !STATUSES.includes(status)) {
    throw new ApiError(400, 'BAD_REQUEST', wrongParameter('status', `one of ${STATUSES.join(', ')}`));
  }
  return {
    search: text('search')?.toLowerCase(),
    status: status as TaskStatus | undefined,
    name: same('name'),
    queue: text('queue'),
    route: same('route'),
    before: timeIn(query, 'before'),
    offset: numberIn(query, 'offset', 0),
    limit: Math.min(MAX_LIMIT, numberIn(query, 'limit', 100)),
  };
}

export function sameAs(text: string | undefined): SameText | undefined {
  return text === undefined ? undefined : new SameText(text);
}

function timeIn(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  const time = text === null ? undefined : Date.parse(text);
  if (Number.isNaN(time)) {
    throw new ApiError(400, 'BAD_REQUEST', wrongParameter(name, 'a time as ISO 8601 has it'));
  }
  return time;
}

function numberIn(query: URLSearchParams, name: string, otherwise: number): number {
  const text = query.get(name);
  if (text === null) {
    return otherwise;
  }
  if (!/^\d{1,9}$/.test(text)) {
    throw new ApiError(400, 'BAD_REQUEST', wrongParameter(name, 'a whole number, 0 or more'));
  }
  return Number(text);
}

/** Looks for a text in names, ids and routes. Many tasks have the same name or route, so it remembers the results. */
export class TextSearch {
  readonly #holds = new Map<string, boolean>();

  constructor(private readonly search: string | undefined) {}

  matches(name: string, id: string | undefined, route: string | undefined): boolean {
    const { search } = this;
    return (
      search === undefined ||
      this.#holdsIt(name) ||
      (id !== undefined && id.toLowerCase().includes(search)) ||
      (route !== undefined && this.#holdsIt(route))
    );
  }

  #holdsIt(text: string): boolean {
    let holds = this.#holds.get(text);
    if (holds === undefined) {
      holds = text.toLowerCase().includes(this.search!);
      this.#holds.set(text, holds);
    }
    return holds;
  }
}
