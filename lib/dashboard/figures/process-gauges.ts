import { getHeapStatistics } from 'node:v8';
import { Injectable } from '@nestjs/common';
import { eventLoopUtilization, monitorEventLoopDelay } from '../../util/timers.ts';
import type { ProcessFigures } from '../dashboard.api.ts';

/** ms between two looks at the event loop. An event loop without delay measures this, so it is subtracted. */
const RESOLUTION = 20;

/** Measures this process. */
@Injectable()
export class ProcessGauges {
  #delay: ReturnType<typeof monitorEventLoopDelay> | undefined;
  #utilization = eventLoopUtilization();

  /** From now on, it measures the delay of the event loop. */
  start(): void {
    this.#delay ??= monitorEventLoopDelay({ resolution: RESOLUTION });
    this.#delay.enable();
  }

  stop(): void {
    this.#delay?.disable();
    this.#delay = undefined;
  }

  /** What was measured since `start`, and the utilization since the last reading. */
  read(): ProcessFigures {
    const before = this.#utilization;
    this.#utilization = eventLoopUtilization();
    const { used_heap_size, heap_size_limit } = getHeapStatistics();
    return {
      eventLoopDelay: { p50: this.#percentile(50), p99: this.#percentile(99), max: this.#percentile(100) },
      eventLoopUtilization: rounded(eventLoopUtilization(this.#utilization, before).utilization),
      heapUsed: used_heap_size,
      heapLimit: heap_size_limit,
      rss: process.memoryUsage.rss(),
      uptime: Math.round(process.uptime()),
    };
  }

  #percentile(percentile: number): number {
    const delay = this.#delay;
    return delay && delay.count > 0 ? rounded(Math.max(0, delay.percentile(percentile) / 1e6 - RESOLUTION)) : 0;
  }
}

const rounded = (value: number) => Math.round(value * 1_000) / 1_000;
