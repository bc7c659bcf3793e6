import { useEffect, useRef, useState } from 'preact/hooks';
import { reloads } from '../api/live.ts';

export interface Loaded<T> {
  value?: T;
  error?: unknown;
  reload: () => void;
}

/** Loads a value, and loads it again when asked, when the key changes, and after a reconnect. */
export function useLoaded<T>(key: string, load: () => Promise<T>): Loaded<T> {
  const [state, setState] = useState<{ key: string; value?: T; error?: unknown }>({ key });
  const latest = useRef(0);
  const start = () => {
    const number = ++latest.current;
    load().then(
      (value) => number === latest.current && setState({ key, value }),
      (error: unknown) => number === latest.current && setState((before) => ({ ...before, key, error })),
    );
  };
  useEffect(() => {
    start();
    return () => {
      latest.current++;
    };
  }, [key, reloads.value]);
  return { ...(state.key === key && { value: state.value, error: state.error }), reload: start };
}
