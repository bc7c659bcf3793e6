import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Dialog } from './dialog.tsx';

interface Question {
  /** Names what happens, and to how many. */
  title: string;
  text?: string;
  /** Names of some of the tasks. */
  examples?: string[];
  action: string;
  isDangerous?: boolean;
  run: () => Promise<void>;
}

const question = signal<Question | undefined>(undefined);

/** Asks before it acts. */
export function confirm(asked: Question): void {
  question.value = asked;
}

function close(): void {
  question.value = undefined;
}

export function Confirmation() {
  const asked = question.value;
  return asked === undefined ? null : <Ask key={asked.title} {...asked} />;
}

function Ask({ title, text, examples = [], action, isDangerous, run }: Question) {
  const [isBusy, setBusy] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => button.current?.focus(), []);
  const act = async () => {
    setBusy(true);
    await run();
    close();
  };
  return (
    <Dialog title={title} onClose={close}>
      {text && <p>{text}</p>}
      {examples.length > 0 && (
        <ul class="examples">
          {examples.map((name) => (
            <li key={name}>{name}</li>
          ))}
        </ul>
      )}
      <footer class="dialog-foot">
        <button type="button" class="button" onClick={close}>
          Back
        </button>
        <button
          ref={button}
          type="button"
          class={isDangerous ? 'button danger' : 'button primary'}
          disabled={isBusy}
          onClick={() => void act()}
        >
          {action}
        </button>
      </footer>
    </Dialog>
  );
}
