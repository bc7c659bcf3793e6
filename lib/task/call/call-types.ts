import type { AnyFunction, MethodName, TaskResult } from '../model/signatures.ts';
import type { Flow } from './flow.ts';

// The types of `addTask`, `start` and `step`. Each has two signatures: the first takes an object or class with the name of a
// method, the second a function or flow. What an editor shows for a wrong call rests on these rules of the compiler:
//
// 1. If one signature fails by the types of its arguments and the other by their number, only the first failure is an error.
//    If both fail by number, the error is the last one's. So the signature that a call does not mean fails by number, with one
//    argument more than were given. If the number is wrong anyway, it has the parameters that the call should have.
//    It can't tell the number if one of the arguments is a function without types: then the message about a wrong number of a
//    method's arguments has a wrong number itself.
// 2. While a call is not complete, an editor takes its hints from the first signature. So that one answers for functions too.
// 3. `Pick<Members, Name>` infers the public members of any target. For `this` it gives what they are in this class. A
//    condition on the type of `this` itself stays open, and then nothing fits.
// 4. The compiler infers from the branches of a condition, but not from the condition. So some branches below exist only for
//    inference and are never taken. `IsInferred` is always true and decides for the other branch.
// 5. The compiler looks only at the member that the call names. So a method can return the handle of another method of its
//    class without a written type.
//
// The signatures are repeated, not shared: a member typed by an interface is a property, which a subclass can't override with
// a method (TS2425). `test/signatures.spec-d.ts` keeps them equal, `test/editor.spec.ts` has the messages.

declare const only: unique symbol;

/** The `prototype` of a class has a type of its own. That of any other function has the type `any`, which fits here. */
interface NotAClass {
  readonly [only]: 'a function that can be called';
}

/** A function that can be called. A class can't. */
export interface TaskFunction extends Function {
  readonly prototype: NotAClass;
}

/** The type of the name of a method, for an object without methods. No value has it. */
interface NoMethod {
  readonly [only]: 'no method';
}

/** More arguments than anybody gives. */
type TooMany = [
  never,
  never,
  never,
  never,
  never,
  never,
  never,
  never,
  never,
  never,
  never,
  never,
  never,
  never,
  never,
];

/** The types to infer from: the public members of an object or class, and what a class creates. */
type Sources<Members, Name extends keyof Members, Instance> =
  // oxlint-disable-next-line typescript/no-explicit-any
  Pick<Members, Name> | (abstract new (...args: any) => Instance);

/** The method of an object or class, else of what the class creates, else `undefined`. */
export type MethodOf<Members, Name extends keyof Members, Instance, K> = K extends Name
  ? Members[K]
  : K extends keyof Instance
    ? Instance[K]
    : undefined;

/** The parameters of a method. If there is no such method, the error is about its name, so that anything fits here. */
// oxlint-disable-next-line typescript/no-explicit-any
type ParametersOf<F> = [F] extends [(...args: infer A) => unknown] ? A : any[];

/** See rule 1. */
type UnlessWrongNumber<
  Params extends readonly unknown[],
  Given extends readonly unknown[],
> = Given['length'] extends Params['length'] ? [...Given, never] : Params;

// The signature for methods. `Params` are those of a function, `never` for anything else. `Given` are the arguments after
// the second one, `never` if the compiler does not know them yet: among them is a function without types.

/** An object with methods, or the class of a provider. */
export type Target<
  Members,
  Name extends keyof Members,
  Instance,
  Params extends unknown[],
  K,
  IsInferred,
> = IsInferred extends false
  ? Sources<Members, Name, Instance> | ((...args: Params) => unknown)
  : string extends Name
    ? object
    : K extends Name
      ? object & HasMethod<Members, K>
      : object;

/** If the target is one of several types, each of them must have the method. */
type HasMethod<Members, K extends keyof Members> = [Members[K]] extends [(...args: infer A) => infer R]
  ? { readonly [N in K]: (...args: A) => R }
  : unknown;

/** The name of a method. If there is no such method: the names of those that there are. */
export type Method<Members, Name extends keyof Members, Instance, Params, K> =
  CheckedMethod<Members, Name, Instance, Params, K> extends infer M ? M : K;

type CheckedMethod<Members, Name extends keyof Members, Instance, Params, K> = [Params] extends [never]
  ? [MethodOf<Members, Name, Instance, K>] extends [AnyFunction]
    ? K
    : Either<(MethodName<Members> & Name) | MethodName<Instance>, NoMethod>
  : Params[0 & keyof Params];

type Either<T, Else> = [T] extends [never] ? Else : T;

/** The arguments of a method. */
export type MethodArguments<Members, Name extends keyof Members, Instance, Params, K, Given extends unknown[]> =
  CheckedArguments<Members, Name, Instance, Params, K, Given> extends infer A extends unknown[] ? A : Given;

type CheckedArguments<Members, Name extends keyof Members, Instance, Params, K, Given extends unknown[]> = [
  Params,
] extends [never]
  ? ParametersOf<MethodOf<Members, Name, Instance, K>>
  : [Given] extends [never]
    ? TooMany
    : Params extends [unknown?, ...infer Rest]
      ? UnlessWrongNumber<Rest, Given>
      : TooMany;

// The signature for functions and flows. `Given` are the arguments after the first one.

/** A function, a flow, or for inference the target of a method. */
export type FunctionOr<F, Members, Name extends keyof Members, Instance, IsInferred> = IsInferred extends false
  ? F | Sources<Members, Name, Instance>
  : F;

/**
 * The arguments of a function. Its form is that of TypeScript's `Parameters`: so `Parameters<F>` fits if `F` is not known.
 */
export type FunctionArguments<
  F,
  Members,
  Name extends keyof Members,
  Instance,
  Given extends readonly unknown[],
  // oxlint-disable-next-line typescript/no-explicit-any
> = F extends (...args: infer P) => any ? P : OtherArguments<Members, Name, Instance, Given>;

type OtherArguments<Members, Name extends keyof Members, Instance, Given extends readonly unknown[]> =
  CheckedOthers<Members, Name, Instance, Given> extends infer A extends unknown[] ? A : Given;

// `any` comes from a comparison of whole signatures, such as that of a type for mocks: then the arguments are a plain array.
type CheckedOthers<Members, Name extends keyof Members, Instance, Given extends readonly unknown[]> = 0 extends 1 &
  Given
  ? unknown[]
  : [Given] extends [never]
    ? []
    : Given extends readonly [infer K, ...unknown[]]
      ? UnlessWrongNumber<[method: K, ...args: ParametersOf<MethodOf<Members, Name, Instance, K>>], Given>
      : [];

/** The result of a function, or of the last step of a flow. */
export type FunctionResult<F> = F extends Flow<infer R> ? R : TaskResult<F>;
