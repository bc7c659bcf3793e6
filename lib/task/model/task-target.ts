/**
 * Names where a task goes.
 *
 * A durable task goes to its `queue`. Any other runs on the `event-loop` of its process, or in a `thread`.
 *
 * @since 0.1.0
 */
export type TaskTarget = 'event-loop' | 'thread' | 'queue';

/** @param definition of the task's function */
export function targetOf(definition: { readonly queue?: unknown; readonly thread: unknown } | undefined): TaskTarget {
  if (definition?.queue !== undefined) {
    return 'queue';
  }
  return definition?.thread === undefined ? 'event-loop' : 'thread';
}
