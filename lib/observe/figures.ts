import type { BackgroundTask } from '../task/handle/background-task.ts';
import type { TaskEventType } from '../task/model/task-event.ts';
import type { TaskEnd } from '../task/model/task-record.ts';
import type { TaskFigures } from '../task/model/task-stats.ts';
import { RecentTimes } from './recent-times.ts';

/** How many names have figures of their own. An application may give each task another name. */
const MAX_NAMES = 1_000;

/** The name of the figures of all further names. */
const OTHER = '(other)';

class FiguresOfName {
  readonly ends: Record<TaskEnd, number> = { completed: 0, failed: 0, cancelled: 0, skipped: 0 };
  readonly wait = new RecentTimes();
  readonly run = new RecentTimes();
  blocked = 0;
}

/** Counts tasks and collects their times, by task name. */
export class Figures {
  readonly #byName = new Map<string, FiguresOfName>();
  /** The figures that were needed last, because most tasks follow one of the same name. */
  #latest?: { readonly name: string; readonly figures: FiguresOfName };

  stepped(task: BackgroundTask, step: TaskEventType): void {
    if (step === 'started') {
      if (task.begunAttempts === 1) {
        this.#of(task.name).wait.add(task.waited, task.startedTime!);
      }
    } else if (task.isSettled) {
      const figures = this.#of(task.name);
      figures.ends[step as TaskEnd]++;
      const start = task.startedTime;
      if (start !== undefined) {
        const ran = task.ran!;
        figures.run.add(ran, start + ran);
      }
    }
  }

  /** @param busy ms for which a call kept the event loop busy */
  blocked(name: string, busy: number): void {
    this.#of(name).blocked += busy;
  }

  toObject(): { [name: string]: TaskFigures } {
    return Object.fromEntries(
      Array.from(this.#byName, ([name, { ends, wait, run, blocked }]) => [
        name,
        { ...ends, wait: wait.percentiles(), run: run.percentiles(), blocked },
      ]),
    );
  }

  #of(name: string): FiguresOfName {
    if (this.#latest?.name !== name) {
      this.#latest = { name, figures: this.#byName.get(name) ?? this.#make(name) };
    }
    return this.#latest.figures;
  }

  #make(name: string): FiguresOfName {
    const known = this.#byName.size < MAX_NAMES ? name : OTHER;
    const figures = this.#byName.get(known) ?? new FiguresOfName();
    this.#byName.set(known, figures);
    return figures;
  }
}
