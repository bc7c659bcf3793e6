import { afterTaskTime } from '../../util/timers.ts';
import { MAX_TIMER } from '../../validation/option-rules.ts';
import type { MemoryJob } from './memory-job.ts';

/**
 * The jobs of all queues, in memory. Applications that are given the same object share their queues, as they would share a
 * server. Timers run only while an application uses the object.
 */
export class MemoryJobs {
  readonly #byId = new Map<string, MemoryJob>();
  /** By queue and deduplication id, while the job has not settled. */
  readonly #deduplicated = new Map<string, MemoryJob>();
  /** Each stops the timer of a delayed job. */
  readonly #timers = new Map<MemoryJob, () => void>();
  /** The job that takes the result of a step, by the id of the step. */
  readonly #after = new Map<string, MemoryJob>();
  readonly #users = new Set<() => void>();
  /** The paused queues: workers claim no jobs of them. */
  readonly #paused = new Set<string>();
  #added = 0;
  #first = 0;

  get all(): Iterable<MemoryJob> {
    return this.#byId.values();
  }

  get(id: string): MemoryJob | undefined {
    return this.#byId.get(id);
  }

  /** What the last attempt of a failed task threw. */
  thrownBy(id: string): unknown {
    const job = this.#byId.get(id);
    return job && (job.thrown ? job.thrown.error : Object.assign(new Error(), job.toRecord().error));
  }

  isPaused(queue: string): boolean {
    return this.#paused.has(queue);
  }

  pause(queue: string): void {
    this.#paused.add(queue);
  }

  resume(queue: string): void {
    this.#paused.delete(queue);
    this.changed();
  }

  /** The position after all jobs that were added so far. */
  nextPosition(): number {
    return ++this.#added;
  }

  add(job: MemoryJob): void {
    this.#byId.set(job.id, job);
    job.before.forEach((id) => this.#after.set(id, job));
    const key = deduplicationKeyOf(job);
    if (key !== undefined) {
      this.#deduplicated.set(key, job);
    }
  }

  duplicateOf(job: MemoryJob): MemoryJob | undefined {
    const key = deduplicationKeyOf(job);
    return key === undefined ? undefined : this.#deduplicated.get(key);
  }

  /** From now on, another task can have the deduplication id of this job. */
  freeDeduplication(job: MemoryJob): void {
    const key = deduplicationKeyOf(job);
    if (key !== undefined && this.#deduplicated.get(key) === job) {
      this.#deduplicated.delete(key);
    }
  }

  /** The job waits, before all others of its priority. */
  putFirst(job: MemoryJob): void {
    job.state = 'waiting';
    job.position = --this.#first;
  }

  /** The job waits for `ms`, and then for a worker. */
  delay(job: MemoryJob, ms: number): void {
    job.state = 'delayed';
    job.dueAt = Date.now() + ms;
    this.#arm(job);
  }

  /** Ends the delay of a job. */
  endDelay(job: MemoryJob): void {
    this.#disarm(job);
    job.dueAt = undefined;
    job.state = 'waiting';
    this.changed();
  }

  /** Ends the delay of a job that will not run. */
  dropDelay(job: MemoryJob): void {
    this.#disarm(job);
    job.dueAt = undefined;
  }

  /** The next job that a worker may claim: jobs without a priority first, then those with the lowest number. */
  next(mayClaim: (job: MemoryJob) => boolean): MemoryJob | undefined {
    let found: MemoryJob | undefined;
    for (const job of this.#byId.values()) {
      if (job.state === 'waiting' && (!found || isBefore(job, found)) && mayClaim(job)) {
        found = job;
      }
    }
    return found;
  }

  /** The job that takes the result of this one. */
  after({ id }: MemoryJob): MemoryJob | undefined {
    return this.#after.get(id);
  }

  clear(): void {
    this.#timers.forEach((stop) => stop());
    this.#timers.clear();
    this.#byId.clear();
    this.#after.clear();
    this.#deduplicated.clear();
    this.#paused.clear();
  }

  /**
   * Starts the timers, if this is the first user.
   *
   * @param onChange called when a worker may find a job to claim
   * @returns a function that ends the use
   */
  use(onChange: () => void): () => void {
    this.#users.add(onChange);
    if (this.#users.size === 1) {
      for (const job of this.#byId.values()) {
        if (job.state === 'delayed') {
          this.#arm(job);
        }
      }
    }
    return () => {
      this.#users.delete(onChange);
      if (this.#users.size === 0) {
        this.#timers.forEach((stop) => stop());
        this.#timers.clear();
      }
    };
  }

  changed(): void {
    this.#users.forEach((onChange) => onChange());
  }

  #arm(job: MemoryJob): void {
    const left = Math.max(0, job.dueAt! - Date.now());
    const stop = afterTaskTime(Math.min(left, MAX_TIMER), () => {
      this.#timers.delete(job);
      if (left > MAX_TIMER) {
        this.#arm(job);
      } else {
        this.endDelay(job);
      }
    });
    this.#timers.set(job, stop);
  }

  #disarm(job: MemoryJob): void {
    this.#timers.get(job)?.();
    this.#timers.delete(job);
  }
}

function isBefore(one: MemoryJob, other: MemoryJob): boolean {
  const [a, b] = [one.task.options.priority ?? 0, other.task.options.priority ?? 0];
  return a === b ? one.position < other.position : a < b;
}

function deduplicationKeyOf({ task: { queue, options } }: MemoryJob): string | undefined {
  return options.deduplication && `${queue} ${options.deduplication.id}`;
}
