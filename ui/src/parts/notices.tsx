import { dismiss, notices } from '../state/notices.ts';
import { CloseIcon } from './icons.tsx';

/** What actions did. The only region of the page that a screen reader announces by itself, beside the connection. */
export const Notices = () => (
  <div class="notices" role="status" aria-live="polite">
    {notices.value.map(({ id, text, isError }) => (
      <div key={id} class={isError ? 'notice is-error' : 'notice'}>
        <span>{text}</span>
        <button type="button" class="button icon-only quiet" aria-label="Dismiss" onClick={() => dismiss(id)}>
          <CloseIcon />
        </button>
      </div>
    ))}
  </div>
);
