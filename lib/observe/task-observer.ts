import { type Observable, ReplaySubject } from 'rxjs';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import type { TaskEvent, TaskEventType } from '../task/model/task-event.ts';
import { StepMessage, type StepTimes } from './channel-messages.ts';
import { stepChannel } from './channels.ts';
import { Figures } from './figures.ts';
import { TaskEvents } from './task-events.ts';
import { TaskWatchers } from './task-watchers.ts';

/** Updates the record of a task at each step, and emits the event. Every step of every task passes here. */
export class TaskObserver {
  readonly #events: TaskEvents<TaskEvent>;
  readonly #closed = new ReplaySubject<void>(1);
  /** Watches single tasks: `events` would make a record for each step of every task. */
  readonly watchers = new TaskWatchers();
  readonly figures = new Figures();

  /**
   * @param onChange is given each task that has changed
   * @param onThrow is given what a subscriber of the events throws
   * @param showsArguments whether the messages of channels have arguments and results
   */
  constructor(
    private readonly onChange: (task: BackgroundTask) => void,
    onThrow: (error: unknown) => void,
    private readonly showsArguments = false,
  ) {
    this.#events = new TaskEvents(onThrow);
  }

  get events(): Observable<TaskEvent> {
    return this.#events.observable;
  }

  /** Emits when the application has closed its events. */
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
    this.figures.stepped(task, step);
    this.watchers.stepped(task, step, delay);
    if (stepChannel.hasSubscribers) {
      stepChannel.publish(new StepMessage(task, this.showsArguments, step, timesOf(task, step, delay)));
    }
    if (this.#events.isObserved) {
      this.#events.emit({ type: step, task: task.toRecordWithRoute(), ...timesOf(task, step, delay) } as TaskEvent);
    }
  }
}

function timesOf(task: BackgroundTask, step: TaskEventType, delay?: number): StepTimes {
  if (step === 'retrying') {
    return { delay };
  }
  if (step === 'started') {
    return task.begunAttempts === 1 ? { wait: task.waited } : {};
  }
  const { ran } = task;
  return task.isSettled && ran !== undefined ? { run: ran } : {};
}
