import { type Observable, ReplaySubject } from 'rxjs';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import type { TaskEvent, TaskEventType } from '../task/model/task-event.ts';
import { TaskEvents } from './task-events.ts';
import { TaskWatchers } from './task-watchers.ts';

/** The one place that every step of every task passes. Updates the task's record and emits the event. */
export class TaskObserver {
  readonly #events: TaskEvents<TaskEvent>;
  readonly #closed = new ReplaySubject<void>(1);
  /** Of single tasks: `events` would make a record for each step of every task. */
  readonly watchers = new TaskWatchers();

  /**
   * @param onChange is given each task that has changed
   * @param onThrow is given what a subscriber of the events throws
   */
  constructor(
    private readonly onChange: (task: BackgroundTask) => void,
    onThrow: (error: unknown) => void,
  ) {
    this.#events = new TaskEvents(onThrow);
  }

  get events(): Observable<TaskEvent> {
    return this.#events.observable;
  }

  /** Emits when the application has closed for subscribers. */
  get closed(): Observable<void> {
    return this.#closed;
  }

  get isObserved(): boolean {
    return this.#events.isObserved;
  }

  close(): void {
    this.#events.close();
    this.#closed.next();
  }

  /** @param delay ms until the next attempt. Only for `retrying` */
  stepped(task: BackgroundTask, step: TaskEventType, delay?: number): void {
    this.onChange(task);
    this.watchers.stepped(task, step, delay);
    if (this.#events.isObserved) {
      this.#events.emit({ type: step, task: task.toRecord(), ...timesOf(task, step, delay) } as TaskEvent);
    }
  }
}

function timesOf(task: BackgroundTask, step: TaskEventType, delay?: number): { [time: string]: number | undefined } {
  const { createdAt, startedAt, finishedAt } = task;
  if (step === 'retrying') {
    return { delay };
  }
  if (step === 'started') {
    return task.attempts === 1 ? { wait: between(createdAt, startedAt) } : {};
  }
  return startedAt && finishedAt ? { run: between(startedAt, finishedAt) } : {};
}

// Not negative: the system's clock can be set back in between.
function between(start: Date, end: Date | undefined): number {
  return Math.max(0, Number(end) - Number(start));
}
