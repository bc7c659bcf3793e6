import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { TaskMonitor } from '../../services/task-monitor.service.ts';
import { clearInterval, now, setInterval } from '../../util/timers.ts';
import type { Series } from '../dashboard.api.ts';
import { MONITOR } from '../monitor.ts';

const STEP = 1_000;
const LENGTH = 300;

type Counts = { added: number; completed: number; failed: number };

const none = (): Counts => ({ added: 0, completed: 0, failed: 0 });

/** Counts tasks by second, for the last five minutes. It counts also while no page is open: a step costs one addition. */
@Injectable()
export class Throughput implements OnModuleInit {
  /** The oldest comes first. */
  #seconds: Counts[] = Array.from({ length: LENGTH }, none);
  #current = none();
  /** By `now()`: when the last second ended. */
  #endedAt = now();
  #end = new Date();
  /** Called at the end of each second with activity, and of the first second without. */
  onActivity: () => void = () => undefined;

  constructor(@Inject(MONITOR) private readonly monitor: TaskMonitor) {
    monitor.watchSteps((task, step) => {
      if (step === 'completed' || step === 'failed') {
        this.#current[step]++;
      } else if (step === 'added' && !task.isAttempt) {
        this.#current.added++;
      }
    });
  }

  onModuleInit(): void {
    const timer = setInterval(() => this.#endSecond(), STEP).unref();
    this.monitor.closed.subscribe(() => clearInterval(timer));
  }

  get series(): Series {
    const of = (key: keyof Counts) => this.#seconds.map((it) => it[key]);
    return {
      step: STEP,
      end: this.#end.toISOString(),
      added: of('added'),
      completed: of('completed'),
      failed: of('failed'),
    };
  }

  #endSecond(): void {
    // Timers are late, even by seconds if a task blocks the event loop.
    const passed = Math.max(1, Math.min(LENGTH, Math.round((now() - this.#endedAt) / STEP)));
    this.#endedAt = now();
    this.#end = new Date();
    const before = this.#seconds.at(-1)!;
    const ended = this.#current;
    this.#current = none();
    this.#seconds = [...this.#seconds.slice(passed), ...Array.from({ length: passed - 1 }, none), ended];
    if ([before, ended].some(({ added, completed, failed }) => added + completed + failed > 0)) {
      this.onActivity();
    }
  }
}
