import { TaskArgumentError } from '../../errors/task.errors.ts';
import { describe } from '../../util/inspect.ts';
import { perThread } from '../../util/per-thread.ts';
import { moveOfOther } from '../task.messages.ts';

const marked = perThread('moved', () => ({ some: false, values: new WeakSet<object>() }));

/** What can be moved from thread to thread: memory. */
export type Movable = ArrayBuffer | ArrayBufferView<ArrayBuffer>;

/**
 * Marks memory that is to be moved to the task's thread, or as a result out of it, where it would otherwise be copied. It
 * has to be an argument or the result itself, or a direct property of one. It can't be used any more where it came from,
 * from `addTask` on. A view of a part of its memory, such as a small `Buffer`, is copied all the same.
 *
 * @returns the same value
 * @throws TaskArgumentError if it is nothing that can be moved
 * @example
 * tasks.addTask(resize, move(image), 640);
 *
 * @since 0.1.0
 */
export function move<T extends Movable>(value: T): T {
  if (!isMovable(value)) {
    throw new TaskArgumentError(moveOfOther(describe(value)));
  }
  marked.some = true;
  marked.values.add(value);
  return value;
}

/** The memory that is marked to be moved among these values, and what they hold directly. */
export function movedIn(values: readonly unknown[]): ArrayBuffer[] {
  return marked.some ? memoryIn(values, (holder) => marked.values.has(holder)) : [];
}

/** All the memory among these values, and what they hold directly. */
export function memoryIn(values: readonly unknown[], isWanted = (_holder: object) => true): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const value of values) {
    for (const holder of holdersIn(value)) {
      if (isMovable(holder) && isWanted(holder)) {
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

function holdersIn(value: unknown): readonly unknown[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return Array.isArray(value) ? value : [];
  }
  // The properties of a view are its numbers.
  return ArrayBuffer.isView(value) || isMovable(value) ? [value] : Object.values(value);
}

function isMovable(value: unknown): value is Movable {
  return value instanceof ArrayBuffer || (ArrayBuffer.isView(value) && value.buffer instanceof ArrayBuffer);
}
