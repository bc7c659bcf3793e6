/**
 * What the server tells: one stream of events feeds these signals. The browser reconnects by itself after a lost
 * connection, except when the server answers with an error; then this file tries again. After each reconnect, views
 * reload what they show, because updates may have been missed. A page in the background closes its stream after a
 * minute: browsers allow few connections to one server.
 */
import { computed, signal } from '@preact/signals';
import { api, ApiError, base } from './client.ts';
import { addToSeries, emptySeries } from './series.ts';
import type { Hello, Overview, Update } from './wire.ts';

export type Connection = 'connecting' | 'live' | 'lost' | 'refused';

export const hello = signal<Hello | undefined>(undefined);
export const overview = signal<Overview | undefined>(undefined);
export const series = signal(emptySeries);
export const connection = signal<Connection>('connecting');
export const canAct = computed(() => hello.value?.canAct === true);
/** Counts the times that everything on the page became old, such as after a reconnect. */
export const reloads = signal(0);
/** How far the server's clock is ahead of the browser's, in ms. */
export const clockOffset = signal(0);

type Listener = (update: Update) => void;
const listeners = new Set<Listener>();

/** Calls the listener for each update. @returns a function that ends this */
export function onUpdate(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const HIDDEN_FOR = 60_000;
const RETRY = { first: 500, last: 10_000 };
let source: EventSource | undefined;
let retryDelay = RETRY.first;
let hiddenTimer: ReturnType<typeof setTimeout> | undefined;

/** Connects, and keeps the connection. */
export function startLive(): void {
  void loadOverview();
  connect();
  document.addEventListener('visibilitychange', () => {
    clearTimeout(hiddenTimer);
    if (document.hidden) {
      hiddenTimer = setTimeout(disconnect, HIDDEN_FOR);
    } else if (source === undefined) {
      connect();
    }
  });
}

/** Takes an overview that was asked for, or that came with an update. */
export function takeOverview(value: Overview): void {
  clockOffset.value = Date.parse(value.now) - Date.now();
  series.value = addToSeries(series.value, value.series);
  overview.value = value;
}

async function loadOverview(): Promise<void> {
  try {
    takeOverview(await api.overview());
  } catch (error) {
    if (error instanceof ApiError && (error.status === 401 || error.status === 403)) {
      connection.value = 'refused';
    }
  }
}

function disconnect(): void {
  source?.close();
  source = undefined;
}

function connect(): void {
  disconnect();
  const opened = new EventSource(`${base}/api/events`);
  source = opened;
  opened.addEventListener('hello', (event) => {
    const isAgain = hello.value !== undefined;
    const next = JSON.parse(event.data) as Hello;
    if (isAgain && next.startedAt !== hello.value?.startedAt) {
      series.value = emptySeries;
    }
    hello.value = next;
    connection.value = 'live';
    retryDelay = RETRY.first;
    if (isAgain) {
      void loadOverview();
      reloads.value++;
    }
  });
  opened.addEventListener('update', (event) => {
    const update = JSON.parse(event.data) as Update;
    takeOverview(update.overview);
    for (const listener of listeners) {
      listener(update);
    }
  });
  opened.addEventListener('error', () => {
    if (connection.value !== 'refused') {
      connection.value = hello.value === undefined ? 'connecting' : 'lost';
    }
    if (opened.readyState === EventSource.CLOSED && opened === source) {
      setTimeout(() => opened === source && void reconnect(), retryDelay);
      retryDelay = Math.min(retryDelay * 2, RETRY.last);
    }
  });
}

async function reconnect(): Promise<void> {
  // A stream does not say why it was refused. This request does.
  await loadOverview();
  connect();
}
