import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { AttemptRecord } from '../../durable/task-queue.ts';
import type { TaskMonitor } from '../../services/task-monitor.service.ts';
import type { BackgroundTask } from '../../task/handle/background-task.ts';
import { errorRecord } from '../../task/model/task-record.ts';
import { shortError } from './short-error.ts';
import { MONITOR } from '../monitor.ts';

/** How many tasks it keeps, and how many attempts of each. It keeps the newest. */
const MAX_TASKS = 10_000;
const MAX_ATTEMPTS = 100;
/** How many attempts of all tasks together. */
const MAX_OF_ALL = 50_000;
/** Characters of an error that are kept. */
const MAX_TEXT = 1_000;

/**
 * Remembers the attempts of the tasks of this process that needed more than one. A task that needed one attempt costs nothing:
 * its handle knows all of it.
 */
@Injectable()
export class AttemptHistory {
  readonly #bySequence = new LRUCache<number, AttemptRecord[]>({
    max: MAX_TASKS,
    maxSize: MAX_OF_ALL,
    sizeCalculation: ({ length }) => length,
  });

  constructor(@Inject(MONITOR) monitor: TaskMonitor) {
    monitor.watchSteps((task, step, delay) => {
      if (step === 'retrying') {
        this.#failed(task, delay);
      } else if (step === 'started' && task.begunAttempts > 1) {
        this.#started(task);
      }
    });
  }

  /** The attempts of a task, the first one first. */
  of(task: BackgroundTask): AttemptRecord[] {
    const attempts = structuredClone(this.#bySequence.peek(task.sequence) ?? []);
    const { attempts: begun, startedAt, finishedAt, error } = task.toRecord();
    if (begun > 0 && attempts.at(-1)?.attempt !== begun) {
      attempts.push({ attempt: begun, ...(begun === 1 && startedAt !== undefined && { startedAt }) });
    }
    const last = attempts.at(-1);
    if (last && finishedAt !== undefined) {
      // If the task was cancelled between two attempts, the last attempt had ended before that.
      last.finishedAt ??= finishedAt;
      Object.assign(last, error !== undefined && { error: last.error ?? shortError(error, MAX_TEXT) });
    }
    return attempts;
  }

  #failed(task: BackgroundTask, delay: number | undefined): void {
    const known = this.#bySequence.get(task.sequence);
    const attempts = known ?? [];
    const attempt = task.begunAttempts;
    const began = attempts.at(-1)?.attempt === attempt ? attempts.pop() : startOfFirst(task);
    attempts.push({
      attempt,
      ...began,
      finishedAt: new Date().toISOString(),
      error: shortError(errorRecord(task.error), MAX_TEXT),
      ...(delay !== undefined && { delay }),
    });
    this.#keep(task, attempts);
  }

  #started(task: BackgroundTask): void {
    const attempts = this.#bySequence.get(task.sequence) ?? [];
    attempts.push({ attempt: task.begunAttempts, startedAt: new Date().toISOString() });
    this.#keep(task, attempts);
  }

  #keep(task: BackgroundTask, attempts: AttemptRecord[]): void {
    this.#bySequence.set(task.sequence, attempts.slice(-MAX_ATTEMPTS));
  }
}

function startOfFirst(task: BackgroundTask): Pick<AttemptRecord, 'startedAt'> {
  return task.begunAttempts === 1 && task.startedAt ? { startedAt: task.startedAt.toISOString() } : {};
}
