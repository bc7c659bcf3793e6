import type { Observable } from 'rxjs';

// The types of `addTask`, `start` and `step`. The three repeat the same overloads, because sharing them costs users more: a
// member typed by an interface is a property, which a subclass can't override with a method (TS2425), and a shared type of
// all parameters makes the compiler's messages longer and less exact. `test/signatures.spec-d.ts` keeps the three equal.

/** Any function. Has `any`: a function with parameters is not assignable to one that takes `unknown`. */
// oxlint-disable-next-line typescript/no-explicit-any
export type AnyFunction = (...args: any[]) => unknown;

/** The names of the methods of `T`. */
export type MethodName<T> = { [K in keyof T]-?: T[K] extends AnyFunction ? K : never }[keyof T] & (string | symbol);

/** An object with methods. Not a function: a function is a task itself, even if it has methods. A class counts as an object. */
export type TaskTarget<T> = T extends AnyFunction ? never : T;

/** The class of a provider, which Nest resolves when the task runs. */
export type ProviderClass<T = object> = abstract new (...args: never[]) => T;

/** The parameters of `F`. */
export type ArgumentsOf<F> = F extends (...args: infer A) => unknown ? A : never;

/** The result of `F` as a task: the value of its promise, or the last value of its Observable. */
export type TaskResult<F> = F extends (...args: never[]) => infer R
  ? Awaited<R> extends Observable<infer T>
    ? T | undefined
    : Awaited<R>
  : never;
