import { Injectable } from '@nestjs/common';
import { ModuleImportError } from '../errors/module.errors.ts';
import { TaskArgumentError } from '../errors/task.errors.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import { NO_OPTIONS, type TaskOptions } from '../task/definition/task-options.ts';
import { queueImportedTwice, queueNotImported } from './durable.messages.ts';
import type { OnUnavailable, TaskQueue } from './task-queue.ts';

/** Holds the application's `TaskQueue`. An adapter registers here, because the core imports no adapter. */
@Injectable()
export class TaskQueueHost {
  /** Whether an application of this process has registered a queue. */
  static isUsed = false;
  #queue?: TaskQueue;
  #isReplaced = false;
  #check: (call: TaskCall) => void = () => undefined;
  onUnavailable: OnUnavailable = 'throw';
  /** The application's options for every task. The engine sets them. */
  defaults: TaskOptions = NO_OPTIONS;

  get current(): TaskQueue | undefined {
    return this.#queue;
  }

  /** Whether another queue stands in for that of the application: then adapters open no connection. */
  get isReplaced(): boolean {
    return this.#isReplaced;
  }

  /** Registers a queue in place of that of the application, registered or not. For tests. */
  replace(queue: TaskQueue): void {
    this.#isReplaced = true;
    TaskQueueHost.isUsed = true;
    this.#queue = queue;
    this.onUnavailable = 'throw';
  }

  /** @throws ModuleImportError if a queue is registered already */
  register(queue: TaskQueue, onUnavailable: OnUnavailable): void {
    if (this.#isReplaced) {
      return;
    }
    if (this.#queue) {
      throw new ModuleImportError(queueImportedTwice());
    }
    this.#queue = queue;
    TaskQueueHost.isUsed = true;
    this.onUnavailable = onUnavailable;
  }

  /** @param check throws if the application can't run a call by its name. `of` calls it. */
  checkBeforeAdd(check: (call: TaskCall) => void): void {
    this.#check = check;
  }

  /** @throws TaskArgumentError if no queue is registered, or workers would run the task on another object */
  of(call: TaskCall): TaskQueue {
    const { name, definition } = call;
    if (!this.#queue) {
      throw new TaskArgumentError(queueNotImported(name, definition?.queue));
    }
    this.#check(call);
    return this.#queue;
  }
}
