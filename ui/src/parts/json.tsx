/** A value as JSON with line breaks. */
export function Json({ value, label }: { value: unknown; label: string }) {
  const text = JSON.stringify(value, null, 2) ?? String(value);
  return (
    // Keys can only scroll what can have the focus.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <pre class="json" tabIndex={0} role="group" aria-label={label}>
      {text}
    </pre>
  );
}
