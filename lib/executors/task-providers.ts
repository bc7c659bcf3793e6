import { Injectable, Scope, type Type } from '@nestjs/common';
import { ContextIdFactory, ModuleRef } from '@nestjs/core';
import { TaskArgumentError } from '../errors/task-argument.error.ts';
import { notProvided } from '../messages.ts';
import type { ProviderClass } from '../task/task-call.ts';

/** Finds the objects of tasks that name a provider by its class. */
@Injectable()
export class TaskProviders {
  readonly #isStatic = new Map<ProviderClass, boolean>();

  constructor(private readonly moduleRef: ModuleRef) {}

  /** @throws TaskArgumentError if no module of the application provides it */
  assertProvided(provider: ProviderClass, name: string): void {
    if (!this.#isStatic.has(provider)) {
      this.#isStatic.set(provider, this.#introspect(provider, name) === Scope.DEFAULT);
    }
  }

  /** @returns the one there is, or one made for this call, with all that it depends on, and let go of with it */
  async resolve(provider: ProviderClass): Promise<object> {
    return this.#isStatic.get(provider)
      ? this.moduleRef.get<object>(provider, { strict: false })
      : this.moduleRef.resolve<object>(provider, ContextIdFactory.create(), { strict: false });
  }

  #introspect(provider: ProviderClass, name: string): Scope {
    try {
      return this.moduleRef.introspect(provider as Type).scope;
    } catch (cause) {
      throw new TaskArgumentError(notProvided(name, provider.name), { cause });
    }
  }
}
