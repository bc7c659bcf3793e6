/** A part of a whole as a bar. The words beside it say the same. */
export function Meter({ part, tone = 'calm' }: { part: number; tone?: 'calm' | 'warn' | 'bad' }) {
  const width = `${Math.min(100, Math.max(0, part * 100))}%`;
  return (
    <span class={`bar tone-${tone}`} aria-hidden="true">
      <span class="bar-fill" style={{ width }} />
    </span>
  );
}
