import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { ModuleImportError } from '../errors/module.errors.ts';
import { DefineTaskError, InvalidOptionError, TaskArgumentError } from '../errors/task.errors.ts';
import { readTaskCall } from '../task/call/read-task-call.ts';
import { type TaskCall, withArguments } from '../task/call/task-call.ts';
import { definitionOf, type TaskDefinition } from '../task/definition/task-definition.ts';
import { queuedFunctions } from '../task/definition/queued-functions.ts';
import { now } from '../util/timers.ts';
import { noSuchQueue, notTheProvided, providedTwice, queueNotImported, sameName } from './durable.messages.ts';
import { type ProviderTask, providerTasks } from './provider-tasks.ts';
import { TaskQueueHost } from './task-queue-host.ts';

/** How this application calls a durable task. */
export interface CatalogEntry {
  readonly definition: TaskDefinition;
  /** The class and method, or the function, for messages. */
  readonly owner: string;
  /** The one object that has the method, if there is one. */
  object?(): object | undefined;
  call(args: readonly unknown[]): TaskCall;
}

/** ms until a name that the catalog misses makes it look again. */
const LOOK_AGAIN = 100;

/**
 * Finds the durable tasks of this application: methods with `@Task` of what Nest holds, and functions that `defineTask` was
 * given. Looks again when a module or a file was loaded later.
 */
@Injectable()
export class TaskCatalog implements OnApplicationBootstrap {
  readonly #logger = new Logger('BackgroundTasks');
  #byName: ReadonlyMap<string, CatalogEntry> = new Map();
  #byAlias: ReadonlyMap<string, CatalogEntry> = new Map();
  #queues: readonly string[] = [];
  /** False while Nest still creates providers: then each call looks again. */
  #isStarted = false;
  /** How many modules and functions there were at the last look, and when that was, by `now()`. */
  #seenModules = -1;
  #seenFunctions = -1;
  #seenAt = 0;
  /** Why the last late look failed, to log it once. */
  #reported?: string;

  constructor(
    private readonly modules: ModulesContainer,
    private readonly host: TaskQueueHost,
  ) {
    host.checkBeforeAdd((call) => this.#assertFound(call));
  }

  /**
   * @throws ModuleImportError if there is a durable task, and no queue is registered
   * @throws DefineTaskError if a task can't be found by its name, or a decorator has replaced its method
   */
  onApplicationBootstrap(): void {
    if (this.host.current) {
      this.#look();
      this.#isStarted = true;
    } else {
      this.assertQueueImported();
    }
  }

  /** @throws ModuleImportError if there is a durable task, and no queue is registered */
  assertQueueImported(): void {
    if (this.host.current) {
      return;
    }
    for (const { name, definition } of providerTasks(this.modules)) {
      throw new ModuleImportError(queueNotImported(name, definition.queue));
    }
    // All applications of the process share these functions. Another one of them may have the queue.
    if (!TaskQueueHost.isUsed) {
      for (const [name, fn] of queuedFunctions.all()) {
        throw new ModuleImportError(queueNotImported(name, definitionOf(fn)!.queue));
      }
    }
  }

  /** @throws DefineTaskError before the application has started, if two durable tasks have the same name */
  find(name: string): CatalogEntry | undefined {
    const found = this.#current.get(name) ?? this.#byAlias.get(name);
    // A module that is loaded later is known before its providers exist.
    if (!found && this.#isStarted && now() - this.#seenAt > LOOK_AGAIN) {
      this.#lookLate();
      return this.#byName.get(name) ?? this.#byAlias.get(name);
    }
    return found;
  }

  /** The names of all queues. */
  get queues(): readonly string[] {
    void this.#current;
    return this.#queues;
  }

  /** @throws InvalidOptionError if no task names this queue */
  assertQueue(name: string): void {
    if (!this.queues.includes(name)) {
      throw new InvalidOptionError(noSuchQueue(name, this.queues));
    }
  }

  /** The tasks with the option `repeat`, each with its name. */
  get repeating(): readonly (readonly [string, CatalogEntry])[] {
    return [...this.#current].filter(([, { definition }]) => definition.repeat);
  }

  get #current(): ReadonlyMap<string, CatalogEntry> {
    if (!this.#isStarted) {
      this.#look();
    } else if (this.#seenModules !== this.modules.size || this.#seenFunctions !== queuedFunctions.count) {
      this.#lookLate();
    }
    return this.#byName;
  }

  /** @throws DefineTaskError */
  #look(): void {
    this.#seenModules = this.modules.size;
    this.#seenFunctions = queuedFunctions.count;
    this.#seenAt = now();
    const methods = [...providerTasks(this.modules)];
    this.#byName = byName(methods);
    this.#byAlias = byAlias(methods);
    this.#queues = [...new Set(Array.from(this.#byName.values(), (it) => it.definition.queue!))];
  }

  /** The application has started, so it goes on with the tasks that it knows. */
  #lookLate(): void {
    try {
      this.#look();
    } catch (error) {
      const { message } = error as Error;
      if (message !== this.#reported) {
        this.#reported = message;
        this.#logger.error(message);
      }
    }
  }

  /**
   * A queue keeps no object, only the name. So the object has to be the one that the name stands for.
   *
   * @throws TaskArgumentError
   */
  #assertFound({ name, of, thisArg, before }: TaskCall): void {
    const object = of ? undefined : this.find(name)?.object?.();
    if (object && object !== thisArg) {
      throw new TaskArgumentError(notTheProvided(name));
    }
    before?.calls.forEach((it) => this.#assertFound(it));
  }
}

/** @throws DefineTaskError if a name stands for two tasks */
function byName(methods: readonly ProviderTask[]): ReadonlyMap<string, CatalogEntry> {
  const found = new Map<string, CatalogEntry>();
  for (const task of methods) {
    const other = found.get(task.name) as ProviderTask | undefined;
    if (other) {
      const isSameMethod = other.owner === task.owner && other.definition === task.definition;
      throw new DefineTaskError(
        isSameMethod
          ? providedTwice(task.name, task.owner, [other.place, task.place])
          : sameName(task.name, [other.owner, task.owner]),
      );
    }
    found.set(task.name, task);
  }
  for (const [name, fn] of queuedFunctions.all()) {
    const owner = `defineTask(${name})`;
    const other = found.get(name);
    if (other) {
      throw new DefineTaskError(sameName(name, [other.owner, owner]));
    }
    const call = readTaskCall('start', [fn]);
    found.set(name, { definition: definitionOf(fn)!, owner, call: (args) => withArguments(call, args) });
  }
  return found;
}

/** An alias that would stand for two tasks stands for none. */
function byAlias(methods: readonly ProviderTask[]): ReadonlyMap<string, CatalogEntry> {
  const found = new Map<string, CatalogEntry>();
  const ambiguous = new Set<string>();
  for (const task of methods) {
    const { alias } = task;
    if (alias !== undefined) {
      if (found.has(alias)) {
        ambiguous.add(alias);
      }
      found.set(alias, { ...task, call: (args) => ({ ...task.call(args), name: alias }) });
    }
  }
  ambiguous.forEach((alias) => found.delete(alias));
  return found;
}
