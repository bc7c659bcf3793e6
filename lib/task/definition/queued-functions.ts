import { callersOf } from '../../util/call-stack.ts';
import { perThread } from '../../util/per-thread.ts';
import { soon } from '../../util/timers.ts';
import type { AnyFunction } from '../model/signatures.ts';

/** A function that `defineTask` was given with a queue. */
interface QueuedFunction {
  readonly fn: AnyFunction;
  /** The files that were running, from the one that calls `defineTask` to the one that is being loaded. */
  readonly files: string;
  /** Counts the turns in which functions were defined. */
  readonly turn: number;
}

/** All copies of this package in a thread share it, so that each finds the functions of the others. */
const shared = perThread('queuedFunctions', () => ({
  byName: new Map<string, readonly QueuedFunction[]>(),
  count: 0,
  turn: 0,
  isTurnOver: true,
}));

/** Functions with a queue. An application doesn't start if two of them have the same name. */
export const queuedFunctions = {
  /** Grows with each definition. */
  get count(): number {
    return shared.count;
  },

  *all(): Generator<[string, AnyFunction]> {
    for (const [name, functions] of shared.byName) {
      for (const { fn } of functions) {
        yield [name, fn];
      }
    }
  },

  /**
   * Adds a function. If the same file was loaded before, as hot reload and test runners do, the new function replaces the
   * one that the file defined then.
   *
   * @param definer the function whose caller defines the task
   */
  add(name: string, fn: AnyFunction, definer: AnyFunction): void {
    const files = filesThatCall(definer);
    const turn = currentTurn();
    const others = (shared.byName.get(name) ?? []).filter(
      (it) => files === '' || it.files !== files || it.turn === turn,
    );
    shared.byName.set(name, [...others, { fn, files, turn }]);
    shared.count++;
  },
};

/** A file is evaluated in one turn. So two functions of one file and one turn are two, and not one that is defined again. */
function currentTurn(): number {
  if (shared.isTurnOver) {
    shared.isTurnOver = false;
    shared.turn++;
    soon(() => (shared.isTurnOver = true));
  }
  return shared.turn;
}

/** The files of the stack, without lines: a file that is loaded again may have changed. */
function filesThatCall(definer: AnyFunction): string {
  const files = callersOf(definer).map(({ file }) => file);
  // From here on, the stack is that of a module loader.
  const loader = files.findIndex((file) => file === undefined || /^node:|[\\/]node_modules[\\/]/.test(file));
  return files.slice(0, loader < 0 ? undefined : loader).join('\n');
}
