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

/** How this application calls a durable task. */
export interface CatalogEntry {
  readonly definition: TaskDefinition;
  /** The class and method, or the function, for messages. */
  readonly owner: string;
  call(args: readonly unknown[]): TaskCall;
}

/** Finds the durable tasks of this application: methods with `@Task`, and functions that `defineTask` was given. */
@Injectable()
export class TaskCatalog implements OnApplicationBootstrap {
  #byName?: ReadonlyMap<string, CatalogEntry>;
  #queues?: readonly string[];

  constructor(
    private readonly modules: ModulesContainer,
    private readonly host: TaskQueueHost,
  ) {}

  // A repeating task is never added, so nothing else would tell that it never runs.
  /** @throws ModuleImportError if a task repeats, and no queue is registered */
  onApplicationBootstrap(): void {
    const repeating = this.host.current ? undefined : [...this.#methods()].find(([, it]) => it.definition.repeat);
    if (repeating) {
      const [name, { definition }] = repeating;
      throw new ModuleImportError(repeatNotImported(name, definition.queue!));
    }
  }

  find(name: string): CatalogEntry | undefined {
    return this.#definitions.get(name);
  }

  /** The names of all queues. */
  get queues(): readonly string[] {
    return (this.#queues ??= [...new Set(Array.from(this.#definitions.values(), (it) => it.definition.queue!))]);
  }

  /** The tasks with the option `repeat`, each with its name. */
  get repeating(): readonly (readonly [string, CatalogEntry])[] {
    return [...this.#definitions].filter(([, { definition }]) => definition.repeat);
  }

  /** @throws DefineTaskError if two durable tasks have the same name */
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
