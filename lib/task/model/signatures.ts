import type { Observable } from 'rxjs';

/** Any function. Has `any`: a function with parameters is not assignable to one that takes `unknown`. */
// oxlint-disable-next-line typescript/no-explicit-any
export type AnyFunction = (...args: any[]) => unknown;

/** The names of the methods of `T`. */
export type MethodName<T> = keyof { [K in keyof T as T[K] extends AnyFunction ? K : never]: T[K] } & (string | symbol);

/** The class of a provider, which Nest resolves when the task runs. */
export type ProviderClass<T = object> = abstract new (...args: never[]) => T;

/** The result of `F` as a task: the value of its promise, or the last value of its Observable. */
export type TaskResult<F> = F extends (...args: never[]) => infer R
  ? Awaited<R> extends Observable<infer T>
    ? T | undefined
    : Awaited<R>
  : never;
