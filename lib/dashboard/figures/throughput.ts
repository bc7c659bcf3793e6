import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { TaskMonitor } from '../../services/task-monitor.service.ts';
import { clearInterval, now, setInterval } from '../../util/timers.ts';
import type { Series } from '../dashboard.api.ts';
import { MONITOR } from '../monitor.ts';

const STEP = 1_000;
const LENGTH = 300;

type Counts = { added: number; completed: number; failed: number };

const none = (): Counts => ({ added: 0, completed: 0, failed: 0 });

/** Counts tasks by second, for the last five minutes, from the start of the application. A step of a task costs an addition. */
@Injectable()
export class Throughput implements OnModuleInit {
  /** The oldest comes first. */
  #seconds: Counts[] = Array.from({ length: LENGTH }, none);
  #current = none();
  /** By `now()`: when the last second ended. */
  #endedAt = now();
  #end = new Date();
  /** Hears that a second has ended in which something happened. */
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
    // Timers are late, and by seconds where a task blocks the event loop.
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
