import { signal } from '@preact/signals';
import { ApiError } from '../api/client.ts';

export interface Notice {
  id: number;
  text: string;
  isError: boolean;
}

const SHOWN_FOR = { result: 5_000, error: 12_000 };

export const notices = signal<Notice[]>([]);
let lastId = 0;

/** Says for some seconds what an action did. */
export function notify(text: string, isError = false): void {
  const notice = { id: ++lastId, text, isError };
  notices.value = [...notices.value.slice(-2), notice];
  setTimeout(() => dismiss(notice.id), isError ? SHOWN_FOR.error : SHOWN_FOR.result);
}

export function notifyError(what: string, error: unknown): void {
  notify(`${what}: ${reasonOf(error)}`, true);
}

export function reasonOf(error: unknown): string {
  if (error instanceof ApiError) {
    return error.message;
  }
  return error instanceof Error ? error.message : String(error);
}

export function dismiss(id: number): void {
  notices.value = notices.value.filter((it) => it.id !== id);
}
