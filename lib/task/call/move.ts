import { TaskArgumentError } from '../../errors/task.errors.ts';
import { isPrimitive } from '../../util/clone.ts';
import { kindOf } from '../../util/inspect.ts';
import { perThread } from '../../util/per-thread.ts';
import { moveOfOther } from '../task.messages.ts';

/** The values that `move` has marked. While `some` is false, no search is needed: nothing was marked. */
const marked = perThread('moved', () => ({ some: false, values: new WeakSet<object>() }));

/**
 * Describes memory that can move from one thread to another.
 *
 * @since 0.1.0
 */
export type Movable = ArrayBuffer | ArrayBufferView<ArrayBuffer>;

/**
 * Marks memory, so that it moves between threads and is not copied.
 *
 * It can be an argument of a task, its result, or a direct property of either. The caller of `addTask` can't use the
 * memory afterwards. A view of a part of its memory, such as a small `Buffer`, is still copied.
 *
 * @returns the same value
 * @throws TaskArgumentError if the value is not an `ArrayBuffer` or a view of one
 *
 * @example
 * tasks.addTask(resize, move(image), 640);
 *
 * @since 0.1.0
 */
export function move<T extends Movable>(value: T): T {
  if (!isMovable(value)) {
    throw new TaskArgumentError(moveOfOther(kindOf(value)));
  }
  marked.some = true;
  marked.values.add(value);
  return value;
}

/** Finds the memory marked by `move` among these values and their direct properties. */
export function movedIn(values: readonly unknown[]): ArrayBuffer[] {
  return marked.some ? memoryIn(values, (holder) => marked.values.has(holder)) : [];
}

/** Finds all memory among these values and their direct properties. Doesn't look deeper, so this isn't a `walk`. */
export function memoryIn(values: readonly unknown[], isWanted = (_holder: object) => true): ArrayBuffer[] {
  if (values.every(isPrimitive)) {
    return [];
  }
  const buffers = new Set<ArrayBuffer>();
  for (const value of values) {
    for (const holder of holdersIn(value)) {
      if (isMovable(holder) && isWanted(holder)) {
        const buffer = ArrayBuffer.isView(holder) ? holder.buffer : holder;
        // A view of a part shares its memory with other views, as small Buffers do. Moving it would take theirs too.
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
  // The properties of a view are its numbers, so they are skipped.
  return ArrayBuffer.isView(value) || isMovable(value) ? [value] : Object.values(value);
}

function isMovable(value: unknown): value is Movable {
  return value instanceof ArrayBuffer || (ArrayBuffer.isView(value) && value.buffer instanceof ArrayBuffer);
}
