import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { TaskMonitor } from '../../services/task-monitor.service.ts';
import type { BackgroundTask } from '../../task/handle/background-task.ts';
import { Redaction } from './redaction.ts';
import { MONITOR } from '../monitor.ts';

/** Of how many tasks it keeps the arguments. Handles don't have them, so that they can be freed. */
const MAX = 1_000;

/**
 * Keeps the arguments of the newest tasks of this process, if the option `redact` shows them. Queues keep the arguments of durable
 * tasks.
 */
@Injectable()
export class KeptArguments {
  readonly #bySequence = new LRUCache<number, readonly unknown[]>({ max: MAX });

  constructor(@Inject(MONITOR) monitor: TaskMonitor, redaction: Redaction) {
    if (redaction.showsArguments) {
      monitor.watchEntries((task, args) => {
        if (task.queue === undefined) {
          this.#bySequence.set(task.sequence, args);
        }
      });
    }
  }

  of(task: BackgroundTask): readonly unknown[] | undefined {
    // Looking at a task does not keep its arguments for longer.
    return this.#bySequence.peek(task.sequence);
  }
}
