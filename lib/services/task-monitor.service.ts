import { Injectable } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { TaskQueueHost } from '../durable/task-queue-host.ts';
import type { TaskQueue } from '../durable/task-queue.ts';
import type { EventLoopBlock } from '../engine/recent-blocks.ts';
import { TaskEngine } from '../engine/task-engine.ts';
import type { EntryWatcher, TaskWatcher } from '../observe/task-watchers.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import { TaskRegistry } from './task-registry.service.ts';
import { TaskRunner } from './task-runner.service.ts';
import { newestFirst } from './known-tasks.ts';

/**
 * All that a dashboard injects from the core. `TaskRunner` and `TaskRegistry` give records; this gives handles, because a
 * record for each step of each task, or for each task of a long history, would cost more than the tasks.
 */
@Injectable()
export class TaskMonitor {
  constructor(
    private readonly engine: TaskEngine,
    private readonly queues: TaskQueueHost,
    readonly runner: TaskRunner,
    readonly registry: TaskRegistry,
  ) {}

  get queue(): TaskQueue | undefined {
    return this.queues.current;
  }

  /** The tasks of this process and those that it has enqueued, each once, the newest first. */
  get tasks(): readonly BackgroundTask[] {
    return newestFirst(this.engine.tasks);
  }

  find(id: string): BackgroundTask | undefined {
    return this.engine.find(id);
  }

  /** The latest tasks that blocked the event loop, the newest first. */
  get blocks(): readonly EventLoopBlock[] {
    return this.engine.blocks;
  }

  /** Emits once, when the application has closed for subscribers. */
  get closed(): Observable<void> {
    return this.engine.closed;
  }

  /** @returns a function that ends it */
  watchSteps(watcher: TaskWatcher): () => void {
    return this.engine.watchAll(watcher);
  }

  /** @returns a function that ends it */
  watchEntries(watcher: EntryWatcher): () => void {
    return this.engine.watchEntries(watcher);
  }
}
