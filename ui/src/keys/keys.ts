import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

/** By key, or two keys with a space between them: what they do. */
export type KeyMap = Record<string, () => void>;

const SEQUENCE_WITHIN = 1500;
const layers: { current: KeyMap }[] = [];
let previous = { key: '', at: 0 };

export const isHelpOpen = signal(false);

/** Handles keys while the component is shown. The component that was shown last comes first. */
export function useKeys(keys: KeyMap): void {
  const layer = useRef(keys);
  layer.current = keys;
  useEffect(() => {
    layers.unshift(layer);
    return () => {
      layers.splice(layers.indexOf(layer), 1);
    };
  }, []);
}

const isText = (target: Element) =>
  target.matches('textarea, select, [contenteditable]') ||
  (target.matches('input') && !target.matches('[type=checkbox], [type=radio]'));

function onKeyDown(event: KeyboardEvent): void {
  const target = event.target instanceof Element ? event.target : document.body;
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) {
    return;
  }
  if (document.querySelector('dialog[open]') !== null) {
    return;
  }
  if (isText(target)) {
    if (event.key === 'Escape' && target instanceof HTMLElement) {
      target.blur();
    }
    return;
  }
  // These have a meaning of their own for what has the focus.
  if ((event.key === 'Enter' || event.key === ' ') && target.matches('a, button, input, summary')) {
    return;
  }
  const sequence = event.timeStamp - previous.at < SEQUENCE_WITHIN ? `${previous.key} ${event.key}` : '';
  previous = { key: event.key, at: event.timeStamp };
  const action = find(sequence) ?? find(event.key);
  if (action !== undefined) {
    previous.key = '';
    event.preventDefault();
    action();
  }
}

function find(key: string): (() => void) | undefined {
  return layers.find((layer) => Object.hasOwn(layer.current, key))?.current[key];
}

export function startKeys(): void {
  document.addEventListener('keydown', onKeyDown);
}
