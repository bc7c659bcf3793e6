import { effect, signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';

const KEY = 'nestjs-background-tasks.theme';
const order: Theme[] = ['system', 'light', 'dark'];

export const theme = signal<Theme>(read());

/** Counts the changes of colours, for what is drawn on a canvas. */
export const themeChanges = signal(0);

// Browsers that keep nothing throw.
function read(): Theme {
  try {
    return order.find((it) => it === localStorage.getItem(KEY)) ?? 'system';
  } catch {
    return 'system';
  }
}

/** Takes the next theme: as the system has it, light, dark. */
export function nextTheme(): void {
  theme.value = order[(order.indexOf(theme.value) + 1) % order.length]!;
  try {
    localStorage.setItem(KEY, theme.value);
  } catch {
    // The choice holds until the page is closed.
  }
}

export function startTheme(): void {
  effect(() => {
    document.documentElement.dataset['theme'] = theme.value;
    themeChanges.value = themeChanges.peek() + 1;
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => themeChanges.value++);
}
