import { Injectable, type OnApplicationBootstrap, type Type } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { ModuleImportError } from '../errors/module.errors.ts';
import { DefineTaskError } from '../errors/task.errors.ts';
import { methodsOf, readTaskCall } from '../task/call/read-task-call.ts';
import { type TaskCall, withArguments } from '../task/call/task-call.ts';
import {
  definitionOf,
  methodDefinitionOf,
  storedFunctions,
  type TaskDefinition,
} from '../task/definition/task-definition.ts';
import type { ProviderClass } from '../task/model/signatures.ts';
import { repeatNotImported, sameName } from './durable.messages.ts';
import { TaskQueueHost } from './task-queue-host.ts';

/** How a stored task is called here. */
export interface CatalogEntry {
  readonly definition: TaskDefinition;
  /** Whose it is, for messages. */
  readonly owner: string;
  call(args: readonly unknown[]): TaskCall;
}

/** Knows the tasks of this application that can be stored: methods of its providers, and functions that were defined. */
@Injectable()
export class TaskCatalog implements OnApplicationBootstrap {
  #byName?: ReadonlyMap<string, CatalogEntry>;
  #queues?: readonly string[];

  constructor(
    private readonly modules: ModulesContainer,
    private readonly registered: TaskQueueHost,
  ) {}

  /** @throws ModuleImportError where a task would never run, and nobody would be told: others are refused when they are added */
  onApplicationBootstrap(): void {
    const repeating = this.registered.current ? undefined : [...this.#methods()].find(([, it]) => it.definition.repeat);
    if (repeating) {
      const [name, { definition }] = repeating;
      throw new ModuleImportError(repeatNotImported(name, definition.queue!));
    }
  }

  find(name: string): CatalogEntry | undefined {
    return this.#definitions.get(name);
  }

  /** The names of all queues that tasks name. */
  get queues(): readonly string[] {
    return (this.#queues ??= [...new Set(Array.from(this.#definitions.values(), (it) => it.definition.queue!))]);
  }

  /** Those that run by themselves, by their names. */
  get repeating(): readonly (readonly [string, CatalogEntry])[] {
    return [...this.#definitions].filter(([, { definition }]) => definition.repeat);
  }

  /** @throws DefineTaskError if two have the same name */
  get #definitions(): ReadonlyMap<string, CatalogEntry> {
    return (this.#byName ??= byName([...this.#methods(), ...functions()]));
  }

  *#methods(): Generator<[string, CatalogEntry]> {
    const seen = new Set<unknown>();
    for (const { controllers, providers } of this.modules.values()) {
      for (const { metatype, token } of [...controllers.values(), ...providers.values()]) {
        if (typeof metatype === 'function' && metatype.prototype && !seen.has(metatype)) {
          seen.add(metatype);
          yield* definitionsOf(metatype as Type, token as ProviderClass);
        }
      }
    }
  }
}

function* definitionsOf(type: Type, token: ProviderClass): Generator<[string, CatalogEntry]> {
  for (const method of methodsOf(type.prototype as object)) {
    const definition = methodDefinitionOf((type.prototype as Record<string, object>)[method]!);
    if (definition?.queue !== undefined) {
      const owner = `${type.name}.${method}`;
      const call = { ...readTaskCall('start', [type, method]), of: { provider: token, method } };
      yield [definition.name ?? owner, { definition, owner, call: (args) => withArguments(call, args) }];
    }
  }
}

function* functions(): Generator<[string, CatalogEntry]> {
  for (const [name, fns] of storedFunctions()) {
    for (const fn of fns) {
      const definition = definitionOf(fn)!;
      const call = readTaskCall('start', [fn]);
      yield [name, { definition, owner: `defineTask(${name})`, call: (args) => withArguments(call, args) }];
    }
  }
}

function byName(all: readonly [string, CatalogEntry][]): ReadonlyMap<string, CatalogEntry> {
  const found = new Map<string, CatalogEntry>();
  for (const [name, definition] of all) {
    const other = found.get(name);
    if (other) {
      throw new DefineTaskError(sameName(name, [other.owner, definition.owner]));
    }
    found.set(name, definition);
  }
  return found;
}
