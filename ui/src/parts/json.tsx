/** A value as JSON with line breaks. */
export const Json = ({ value, label }: { value: unknown; label: string }) => (
  <pre class="json" tabIndex={0} role="group" aria-label={label}>
    {JSON.stringify(value, null, 2) ?? String(value)}
  </pre>
);
