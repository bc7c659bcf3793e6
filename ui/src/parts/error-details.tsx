import { useState } from 'preact/hooks';
import type { TaskError } from '../api/wire.ts';

const SHORT = { characters: 600, lines: 8 };

/** An error with its causes, in full or, if it is long, its beginning. */
export function ErrorDetails({ error }: { error: TaskError }) {
  return (
    <div class="error">
      <Message error={error} />
      {error.cause && (
        <div class="error-cause">
          <span class="label">Caused by</span>
          <ErrorDetails error={error.cause} />
        </div>
      )}
    </div>
  );
}

function Message({ error: { name, message } }: { error: TaskError }) {
  const [isOpen, setOpen] = useState(false);
  const beginning = message.split('\n').slice(0, SHORT.lines).join('\n').slice(0, SHORT.characters);
  const isLong = beginning.length < message.length;
  return (
    <>
      <p class="error-message">
        <strong>{name}</strong> {isLong && !isOpen ? `${beginning}…` : message}
      </p>
      {isLong && (
        <button type="button" class="button quiet small" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? 'Show less' : `Show all ${message.length.toLocaleString('en')} characters`}
        </button>
      )}
    </>
  );
}
