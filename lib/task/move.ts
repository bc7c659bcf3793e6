import { sharedInThread } from './shared-in-thread.ts';

const movable = sharedInThread('movable', () => new WeakSet<object>());

/** What can be moved from thread to thread: memory. */
export type Movable = ArrayBuffer | ArrayBufferView<ArrayBuffer>;

/**
 * Marks memory that is to be moved to the task's thread, or as a result out of it, where it would otherwise be copied. It
 * has to be an argument or the result itself, or a direct property of one. It can't be used any more where it came from,
 * from `addTask` on.
 *
 * @returns the same value
 * @example
 * tasks.addTask(resize, move(image), 640);
 *
 * @since 0.1.0
 */
export function move<T extends Movable>(value: T): T {
  movable.add(value);
  return value;
}

/** The memory that is marked to be moved among these values, and what they hold directly. */
export function movedIn(values: readonly unknown[]): ArrayBuffer[] {
  return memoryIn(values, (holder) => movable.has(holder));
}

/** All the memory among these values, and what they hold directly. */
export function memoryIn(values: readonly unknown[], isWanted = (_holder: object) => true): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const value of values) {
    const holders = isMemory(value) || typeof value !== 'object' || value === null ? [value] : Object.values(value);
    for (const holder of holders as unknown[]) {
      if (isMemory(holder) && isWanted(holder)) {
        const buffer = ArrayBuffer.isView(holder) ? holder.buffer : holder;
        // A view of a part shares its memory with others, as small Buffers do: moving it would take theirs too.
        if (buffer.byteLength === holder.byteLength) {
          buffers.add(buffer);
        }
      }
    }
  }
  return [...buffers];
}

function isMemory(value: unknown): value is Movable {
  return value instanceof ArrayBuffer || (ArrayBuffer.isView(value) && value.buffer instanceof ArrayBuffer);
}
