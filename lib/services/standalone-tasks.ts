/*
 * The package without Nest, for unit tests: the real engine and lists, and a request that is over when the test says so.
 */
import { ModulesContainer } from '@nestjs/core';
import { QueuePort } from '../durable/queue-port.ts';
import { TaskCatalog } from '../durable/task-catalog.ts';
import { TaskQueueHost } from '../durable/task-queue-host.ts';
import type { Transaction } from '../durable/transaction.ts';
import { TaskEngine } from '../engine/task-engine.ts';
import type { TaskList } from '../engine/task-list.ts';
import { ProviderResolver } from '../execution/provider-resolver.ts';
import type { TaskControl } from '../execution/task-control.ts';
import { resolveOptions } from '../options/background-tasks.options.ts';
import { BackgroundTasks } from '../request/background-tasks.ts';
import type { TaskCollection } from '../request/task-collection.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import type { TaskOptions } from '../task/definition/task-options.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import type { ProviderClass } from '../task/model/signatures.ts';
import { EndsUnderway } from './ends-underway.ts';
import { TaskRegistry } from './task-registry.service.ts';
import { TaskRunner } from './task-runner.service.ts';

/** What a unit under test is given, and a queue needs. */
export interface StandaloneTasks {
  readonly tasks: BackgroundTasks;
  readonly runner: TaskRunner;
  readonly registry: TaskRegistry;
  /** What a queue needs. */
  readonly core: QueuePort;
  /** Lets the queue find a durable task. Call it for each task that the control hears of. */
  noteCall(call: TaskCall): void;
  /** Ends the request: its tasks are enqueued, or may start. The next task belongs to a new request. */
  endRequest(): Promise<void>;
}

/**
 * Makes tasks without Nest.
 *
 * @param control decides when tasks run
 * @param provide finds the object of a class that a task names
 */
export function standaloneTasks(control: TaskControl, provide: (provider: ProviderClass) => object): StandaloneTasks {
  const host = new TaskQueueHost();
  const catalog = new CatalogOfCalls(host);
  const engine = new TaskEngine(resolveOptions({}), new GivenProviders(provide), host, undefined, control);
  const collection = new StandaloneCollection(engine);
  return {
    tasks: new BackgroundTasks(collection),
    runner: new TaskRunner(engine),
    registry: new TaskRegistry(engine, host, new EndsUnderway()),
    core: new QueuePort(host, catalog, engine),
    noteCall: (call) => catalog.note(call),
    endRequest: () => collection.end(),
  };
}

/** Knows the durable tasks that were added: without Nest, nothing else tells of them. */
class CatalogOfCalls extends TaskCatalog {
  readonly #calls = new Map<string, TaskCall>();

  constructor(host: TaskQueueHost) {
    super(new ModulesContainer(), host);
  }

  note(call: TaskCall): void {
    this.#calls.set(call.name, call);
    call.before?.calls.forEach((it) => this.note(it));
  }

  /** Which tasks there are is known only once they are added. */
  override assertQueue(): void {}

  override find(name: string): ReturnType<TaskCatalog['find']> {
    const call = this.#calls.get(name);
    return (
      call && {
        definition: call.definition!,
        owner: name,
        call: (args) => ({ ...call, args }),
      }
    );
  }
}

class GivenProviders extends ProviderResolver {
  constructor(private readonly provide: (provider: ProviderClass) => object) {
    super(undefined as never, new ModulesContainer());
  }

  override assertProvided(): void {
    // Looked for when the task runs.
  }

  override resolve(provider: ProviderClass): object {
    return this.provide(provider);
  }
}

class StandaloneCollection implements TaskCollection {
  list?: TaskList | undefined;

  constructor(private readonly engine: TaskEngine) {}

  add(call: TaskCall, options: TaskOptions): BackgroundTask {
    return (this.list ??= this.engine.createList()).add(call, options);
  }

  async flush(outcome: 'success' | 'failure'): Promise<void> {
    await this.list?.flush(outcome);
  }

  async flushIn(transaction: Transaction): Promise<void> {
    await this.list?.flushIn(transaction);
  }

  discard(): void {
    this.list?.discard();
  }

  async end(): Promise<void> {
    const { list } = this;
    this.list = undefined;
    await list?.flush('success');
    list?.open('success');
  }
}
