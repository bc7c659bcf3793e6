import type { AnyFunction, MethodName, TaskResult } from '../model/signatures.ts';
import type { Flow } from './flow.ts';

// The types of `addTask`, `start` and `step`. Each has two signatures: one takes a function, one an object or class with the
// name of a method. What a wrong call looks like in an editor rests on four rules of the TypeScript compiler:
//
// 1. An overload that fails by its number of arguments is not reported if another fails by their types. If all fail by
//    number, the last one is reported. So for each call one signature answers, and the other fails by number: the function's
//    signature for any object, the method's for any function.
// 2. The members of an object are inferred through `Pick<Members, Name>`. That gives the members of `this` as they are. With
//    the type of `this` itself, every condition on it stays open, and nothing fits.
// 3. A condition is no place to infer from, but its branches are. So some branches below are never taken.
// 4. Members are looked at by name, one at a time, so that a method can return the handle of another method of its class.
//
// The signatures are repeated, not shared: a member typed by an interface is a property, which a subclass can't override with
// a method (TS2425). `test/signatures.spec-d.ts` keeps them equal, `test/type-errors.spec.ts` has the messages.

declare const only: unique symbol;

/** A class has a `prototype` of its own type, any other function one of type `any`, which fits here. */
interface NotAClass {
  readonly [only]: 'a function that can be called';
}

/** A function that can be called. A class can't. */
export interface TaskFunction extends Function {
  readonly prototype: NotAClass;
}

/** The type of an argument after the last one that a function takes. Nothing has this type. */
interface NoArgument {
  readonly [only]: 'no argument';
}

/** The type of a name of a method of an object without methods. Nothing has this type. */
interface NoMethod {
  readonly [only]: 'no method';
}

/**
 * The arguments of a function. Looks like TypeScript's `Parameters`, so that `Parameters<F>` fits where `F` is a parameter.
 */
// oxlint-disable-next-line typescript/no-explicit-any
export type FunctionArguments<F> = F extends (...args: infer P) => any ? P : [];

/** The result of a function, or of the last step of a flow. */
export type FunctionResult<F> = F extends Flow<infer R> ? R : TaskResult<F>;

/**
 * An object with methods, or the class of a provider. The first branch, which is never taken, infers its public members,
 * what a class creates, and the parameters of a function, whose call the other signature answers.
 */
export type Target<Members, Name extends keyof Members, Instance, Params extends unknown[], K> = [K] extends [never]
  ? // oxlint-disable-next-line typescript/no-explicit-any
    Pick<Members, Name> | (abstract new (...args: any) => Instance) | ((...args: Params) => unknown)
  : string extends Name
    ? object
    : K extends Name
      ? object & HasMethod<Members, K>
      : object;

/** For an object of a union type: each type of the union must have the method. */
type HasMethod<Members, K extends keyof Members> = [Members[K]] extends [(...args: infer A) => infer R]
  ? { readonly [N in K]: (...args: A) => R }
  : unknown;

/** The method of an object or class, then of what the class creates, or `undefined`. */
export type MethodOf<Members, Name extends keyof Members, Instance, K> = K extends Name
  ? Members[K]
  : K extends keyof Instance
    ? Instance[K]
    : undefined;

/** The name of a method. If it is no such name: all names that are. The last branch is for inference only. */
export type Method<Members, Name extends keyof Members, Instance, Params, K> =
  CheckedMethod<Members, Name, Instance, Params, K> extends infer M ? M : K;

type CheckedMethod<Members, Name extends keyof Members, Instance, Params, K> = [Params] extends [never]
  ? [MethodOf<Members, Name, Instance, K>] extends [AnyFunction]
    ? K
    : Either<(MethodName<Members> & Name) | MethodName<Instance>, NoMethod>
  : Params extends []
    ? NoArgument
    : Params[0 & keyof Params];

type Either<T, Else> = [T] extends [never] ? Else : T;

/** The arguments of a method. The last branch is for inference only. */
export type MethodArguments<
  Members,
  Name extends keyof Members,
  Instance,
  Params extends unknown[],
  K,
  Given extends unknown[],
> = CheckedArguments<Members, Name, Instance, Params, K, Given> extends infer A extends unknown[] ? A : Given;

type CheckedArguments<
  Members,
  Name extends keyof Members,
  Instance,
  Params extends unknown[],
  K,
  Given extends unknown[],
> = [Params] extends [never]
  ? ArgumentsOf<MethodOf<Members, Name, Instance, K>>
  : Params extends [unknown?, ...infer Rest]
    ? RestOfFunction<Params, Rest, Given>
    : unknown[];

/** The parameters of `F`. If it is no function, the error is about its name, so anything fits. */
// oxlint-disable-next-line typescript/no-explicit-any
type ArgumentsOf<F> = [F] extends [(...args: infer A) => unknown] ? A : any[];

/**
 * A function was given. If the number of its arguments is right, this fails by number, and the function's signature answers.
 * If the number is wrong, this says so, since the last signature is the one that is reported.
 */
type RestOfFunction<Params extends unknown[], Rest extends unknown[], Given extends unknown[]> = [Given] extends [never]
  ? Rest
  : [unknown, ...Given]['length'] extends Params['length']
    ? [...Given, never]
    : Rest;
