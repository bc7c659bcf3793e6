import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable } from '@nestjs/common';
import { TaskEngine } from '../engine/task-engine.ts';
import type { RequestCollection } from './request-collection.ts';

/** Carries the collection of a request through everything that the request calls. */
@Injectable()
export class RequestContext {
  readonly #storage = new AsyncLocalStorage<RequestCollection>();

  constructor(private readonly engine: TaskEngine) {}

  /** The collection of the request that the caller works for. */
  get current(): RequestCollection | undefined {
    return this.#storage.getStore();
  }

  /** Calls a function for the request of this collection. */
  run<T>(collection: RequestCollection, fn: () => T): T {
    const entered = collection.isLate ? () => this.runLate(collection, fn) : fn;
    return this.#storage.getStore() === collection ? entered() : this.#storage.run(collection, entered);
  }

  /** Enters the request for the rest of the current synchronous code and for all that it starts. */
  enter(collection: RequestCollection): void {
    this.#storage.enterWith(collection);
  }

  /** Calls a function for a late request, so that `TaskRunner` refuses its tasks as `BackgroundTasks` does. */
  runLate<T>(collection: RequestCollection, fn: () => T): T {
    return this.engine.runLate(() => collection.isTooLate(), fn);
  }
}
