import { Injectable, Scope, type Type } from '@nestjs/common';
import { ContextIdFactory, ModuleRef, ModulesContainer } from '@nestjs/core';
import { TaskArgumentError } from '../errors/task.errors.ts';
import type { ProviderMethod } from '../task/call/task-call.ts';
import type { AnyFunction, ProviderClass } from '../task/model/signatures.ts';
import { methodDefinitionOf } from '../task/definition/task-definition.ts';
import { classNameOf, kindOf, read } from '../util/inspect.ts';
import { durableInClass, notProvided, providedWithoutMethod } from './execution.messages.ts';

/** Finds the provider for tasks that name its class. */
@Injectable()
export class ProviderResolver {
  /** By class: whether the application has one object of it, not one for each request. */
  readonly #isStatic = new Map<ProviderClass, boolean>();
  /** By class: methods that were checked. Checking again for each task takes a large part of the time of a short task. */
  readonly #found = new Map<ProviderClass, Set<string | symbol>>();

  /** By class: of providers in modules that were loaded after the start. A `ModuleRef` finds what there was at its first use. */
  readonly #late = new Map<ProviderClass, ModuleRef>();

  /** How long a provider can take to be made, in ms. Tests make it shorter. */
  limit = 60_000;

  constructor(
    private readonly moduleRef: ModuleRef,
    private readonly modules: ModulesContainer,
  ) {}

  /** @throws TaskArgumentError if no module provides the class, or the provider doesn't have the method */
  assertProvided({ provider, method }: ProviderMethod, name: string): void {
    if (this.#found.get(provider)?.has(method)) {
      return;
    }
    let isStatic = this.#isStatic.get(provider);
    if (isStatic === undefined) {
      isStatic = this.#introspect(provider, name) === Scope.DEFAULT;
      this.#isStatic.set(provider, isStatic);
    }
    if (isStatic) {
      const fn = this.methodOf(this.#get(provider), method, name);
      // A durable task would be added as another one. The call has read the method of the class, which is not durable.
      if (isDurable(fn) && !isDurable(read(provider.prototype as object, method))) {
        throw new TaskArgumentError(durableInClass(name, classNameOf(this.#get(provider))));
      }
    }
    this.#found.set(provider, (this.#found.get(provider) ?? new Set()).add(method));
  }

  /** @returns the only object of the class; or, if it is request-scoped, a promise of a new one with its own dependencies */
  resolve(provider: ProviderClass): object | Promise<object> {
    return this.#isStatic.get(provider)
      ? this.#get(provider)
      : this.#refOf(provider).resolve<object>(provider, ContextIdFactory.create(), { strict: false });
  }

  /** @throws TaskArgumentError */
  methodOf(target: object, method: string | symbol, name: string): AnyFunction {
    const fn = read(target, method);
    if (typeof fn !== 'function') {
      throw new TaskArgumentError(providedWithoutMethod(name, kindOf(target), String(method)));
    }
    return fn as AnyFunction;
  }

  #get(provider: ProviderClass): object {
    return this.#refOf(provider).get<object>(provider, { strict: false });
  }

  #introspect(provider: ProviderClass, name: string): Scope {
    try {
      return this.moduleRef.introspect(provider as Type).scope;
    } catch (cause) {
      const late = [...this.modules.values()].find(({ providers }) => providers.has(provider as Type));
      if (!late) {
        throw new TaskArgumentError(notProvided(name, provider.name), { cause });
      }
      this.#late.set(provider, late.getProviderByKey<ModuleRef>(ModuleRef).instance);
      return this.#refOf(provider).introspect(provider as Type).scope;
    }
  }

  #refOf(provider: ProviderClass): ModuleRef {
    return this.#late.get(provider) ?? this.moduleRef;
  }
}

function isDurable(method: unknown): boolean {
  return typeof method === 'function' && methodDefinitionOf(method)?.queue !== undefined;
}
