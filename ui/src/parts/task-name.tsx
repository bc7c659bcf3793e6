/** A name with a place to break after each dot and slash, so that a long one wraps well. */
export function TaskName({ name }: { name: string }) {
  return (
    <>
      {name.split(/(?<=[./:_-])/).map((part, index) => (
        // The parts of a name never move.
        // oxlint-disable-next-line react/no-array-index-key
        <span key={index}>
          {part}
          <wbr />
        </span>
      ))}
    </>
  );
}
