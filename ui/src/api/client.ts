import type { Overview, TaskSchedule, TaskView, TaskPage, TaskStatus } from './wire.ts';

/** The path that the dashboard is mounted at, without a slash at its end. */
export const base = (document.documentElement.dataset['base'] ?? '').replace(/\/$/, '');

/** An answer of the API that is not the wanted one. */
export class ApiError extends Error {
  override name = 'ApiError';
  /** The HTTP status; 0 if the server didn't answer. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface TaskQuery {
  search?: string;
  status?: TaskStatus;
  name?: string;
  queue?: string;
  route?: string;
  before?: string;
}

async function call<T>(path: string, init?: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(`${base}/api/${path}`, { headers: { accept: 'application/json' }, ...init });
  } catch (error) {
    if (init?.signal?.aborted) {
      throw error;
    }
    throw new ApiError(0, 'The server does not answer.');
  }
  if (!response.ok) {
    throw new ApiError(response.status, await messageOf(response));
  }
  return (await response.json()) as T;
}

async function messageOf(response: Response): Promise<string> {
  if (response.status === 401) {
    return 'You are not signed in.';
  }
  try {
    const { message } = (await response.json()) as { message?: unknown };
    return typeof message === 'string' ? message : `The server answered ${response.status}.`;
  } catch {
    return `The server answered ${response.status}.`;
  }
}

function post<T>(path: string, body: object = {}): Promise<T> {
  return call<T>(path, {
    method: 'POST',
    headers: { accept: 'application/json', 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** Writes the fields that have a value as a query. */
export function toQuery(fields: object): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined && value !== '') {
      query.set(key, String(value));
    }
  }
  return query.toString();
}

const at = (id: string) => `tasks/${encodeURIComponent(id)}`;

export const api = {
  overview: () => call<Overview>('overview'),
  tasks: (query: TaskQuery, offset: number, limit: number, signal?: AbortSignal) =>
    call<TaskPage>(`tasks?${toQuery({ ...query, offset, limit })}`, signal && { signal }),
  task: (id: string) => call<TaskView>(at(id)),
  schedules: async () => (await call<{ schedules: TaskSchedule[] }>('schedules')).schedules,
  cancel: (id: string) => post<{ done: boolean }>(`${at(id)}/cancel`),
  retry: (id: string) => post<{ done: boolean }>(`${at(id)}/retry`),
  countFailed: async (matching: { queue: string; name?: string; search?: string }) =>
    (await post<{ matching: number }>('tasks/retry?dry=1', matching)).matching,
  retryFailed: async (matching: { queue: string; name?: string; search?: string }) =>
    (await post<{ retried: number }>('tasks/retry', matching)).retried,
  pause: (queue: string) => post<{ isPaused: boolean }>(`queues/${encodeURIComponent(queue)}/pause`),
  resume: (queue: string) => post<{ isPaused: boolean }>(`queues/${encodeURIComponent(queue)}/resume`),
};
