import { computed, signal } from '@preact/signals';
import { base } from '../api/client.ts';

/** What the page shows. Each view has a path below the path of the dashboard. */
export type View = { name: 'overview' | 'tasks' | 'queues' | 'schedules' | 'unknown' } | { name: 'task'; id: string };

const here = () => ({
  path: window.location.pathname.slice(base.length).replace(/\/+$/, '') || '/',
  query: window.location.search,
});

export const location = signal(here());

export const view = computed<View>(() => viewOf(location.value.path));

export const query = computed(() => new URLSearchParams(location.value.query));

function viewOf(path: string): View {
  const [, first = '', id, more] = path.split('/');
  if (first === '' && id === undefined) {
    return { name: 'overview' };
  }
  if (first === 'tasks' && id !== undefined && more === undefined) {
    return { name: 'task', id: decode(id) };
  }
  if ((first === 'tasks' || first === 'queues' || first === 'schedules') && id === undefined) {
    return { name: first };
  }
  return { name: 'unknown' };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The URL of a path of the dashboard, for links. */
export const href = (path: string): string => `${base}${path}`;

export const taskPath = (id: string): string => `/tasks/${encodeURIComponent(id)}`;

/** Shows a view, and gives the browser its URL. */
export function navigate(path: string, options: { replace?: boolean } = {}): void {
  const url = href(path);
  if (url === window.location.pathname + window.location.search) {
    return;
  }
  window.history[options.replace ? 'replaceState' : 'pushState'](null, '', url);
  location.value = here();
}

/** Changes parameters of the query of the current view; `undefined` removes one. */
export function setQuery(changes: Record<string, string | undefined>, options: { replace?: boolean } = {}): void {
  const next = new URLSearchParams(query.value);
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined || value === '') {
      next.delete(key);
    } else {
      next.set(key, value);
    }
  }
  const text = next.toString();
  navigate(location.value.path + (text && `?${text}`), options);
}

/** Follows the browser's history, and links within the dashboard without loading the page again. */
export function startLocation(): void {
  window.addEventListener('popstate', () => {
    location.value = here();
  });
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (link === null || !isPlain || event.defaultPrevented || link.target !== '' || link.hasAttribute('download')) {
      return;
    }
    const path = link.pathname + link.search;
    if (link.origin === window.location.origin && link.hash === '' && (path + '/').startsWith(`${base}/`)) {
      event.preventDefault();
      navigate(path.slice(base.length) || '/');
    }
  });
}
