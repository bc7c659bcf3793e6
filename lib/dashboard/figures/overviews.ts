import { Inject, Injectable } from '@nestjs/common';
import type { TaskMonitor } from '../../services/task-monitor.service.ts';
import type { TaskStats } from '../../task/model/task-stats.ts';
import { now } from '../../util/timers.ts';
import type { Overview, ProcessFigures } from '../dashboard.api.ts';
import { shownText } from '../tasks/shown-text.ts';
import { ProcessGauges } from './process-gauges.ts';
import { QueueFigures } from './queue-figures.ts';
import { Throughput } from './throughput.ts';
import { MONITOR } from '../monitor.ts';

/** ms for which figures of the process count as new. Figures of the tasks count as new for at most as long. */
const FRESH = 1_000;

/** Reading the figures takes long if there are very many task names. It may take a hundredth of the time. */
const SHARE = 100;

/** Puts together what the first view of the page shows. */
@Injectable()
export class Overviews {
  #stats: TaskStats | undefined;
  #process: ProcessFigures | undefined;
  /** By `now()`: until when they count as new. */
  #statsUntil = -Infinity;
  #processUntil = -Infinity;

  constructor(
    @Inject(MONITOR) private readonly monitor: TaskMonitor,
    private readonly queues: QueueFigures,
    private readonly throughput: Throughput,
    private readonly gauges: ProcessGauges,
  ) {}

  /** With figures of the queues that are at most a second old. */
  async read(): Promise<Overview> {
    await this.queues.read();
    return this.latest;
  }

  /** With the figures of the queues that were read last. */
  get latest(): Overview {
    return {
      now: new Date().toISOString(),
      stats: this.#readStats(),
      ...this.queues.last,
      process: this.#readProcess(),
      blocked: this.monitor.blocks.map((it) => ({ ...it, name: shownText(it.name) })),
      series: this.throughput.series,
    };
  }

  #readStats(): TaskStats {
    const time = now();
    if (!this.#stats || time > this.#statsUntil) {
      this.#stats = withShownNames(this.monitor.runner.stats());
      const end = now();
      this.#statsUntil = end + Math.min(FRESH, (end - time) * SHARE);
    }
    return this.#stats;
  }

  #readProcess(): ProcessFigures {
    if (!this.#process || now() > this.#processUntil) {
      this.#process = this.gauges.read();
      this.#processUntil = now() + FRESH;
    }
    return this.#process;
  }
}

function withShownNames(stats: TaskStats): TaskStats {
  const byName = Object.entries(stats.byName).map(([name, figures]) => [shownText(name), figures]);
  return { ...stats, byName: Object.fromEntries(byName) as TaskStats['byName'] };
}
