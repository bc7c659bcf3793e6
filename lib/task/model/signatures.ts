import type { Observable } from 'rxjs';

/** Any function; `any`, since a function's parameters can't be assigned from `unknown`. */
// oxlint-disable-next-line typescript/no-explicit-any
export type AnyFunction = (...args: any[]) => unknown;

/** The names of the methods of `T`. */
export type MethodName<T> = { [K in keyof T]-?: T[K] extends AnyFunction ? K : never }[keyof T] & (string | symbol);

/** An object with methods: a function counts as a task of its own, even one that has methods, and a class as an object. */
export type TaskTarget<T> = T extends AnyFunction ? never : T;

/** The class of a provider: what Nest is asked for. */
export type ProviderClass<T = object> = abstract new (...args: never[]) => T;

/** What is passed to `F`. */
export type ArgumentsOf<F> = F extends (...args: infer A) => unknown ? A : never;

/** What `F` results in as a task: what its promise resolves to, or what its Observable emits last. */
export type TaskResult<F> = F extends (...args: never[]) => infer R
  ? Awaited<R> extends Observable<infer T>
    ? T | undefined
    : Awaited<R>
  : never;
