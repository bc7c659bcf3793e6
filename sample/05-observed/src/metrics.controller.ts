import { Controller, Get, Header } from '@nestjs/common';
import { TaskRunner } from 'nestjs-background-tasks';
import { Gauge, type GaugeConfiguration, Registry } from 'prom-client';

const STATES = ['pending', 'running', 'delayed', 'completed', 'failed', 'cancelled', 'skipped', 'refused'] as const;

@Controller('metrics')
export class MetricsController {
  readonly #registry = new Registry();

  constructor(runner: TaskRunner) {
    this.#add({
      name: 'background_tasks',
      help: 'Tasks of this process, by state',
      labelNames: ['state'],
      collect() {
        const stats = runner.stats();
        STATES.forEach((state) => this.set({ state }, stats[state]));
      },
    });
    this.#add({
      name: 'background_tasks_run_seconds',
      help: 'How long tasks take, of the latest minutes',
      labelNames: ['task', 'quantile'],
      collect() {
        for (const [task, { run }] of Object.entries(runner.stats().byName)) {
          if (run.count > 0) {
            this.set({ task, quantile: '0.5' }, run.p50 / 1_000);
            this.set({ task, quantile: '0.95' }, run.p95 / 1_000);
          }
        }
      },
    });
    this.#add({
      name: 'background_tasks_queue_oldest_age_seconds',
      help: 'How long the oldest task has waited that could run now',
      labelNames: ['queue'],
      async collect() {
        // While the server is away, the other metrics are still of use.
        for (const { name, oldestAge = 0 } of await runner.queueStats().catch(() => [])) {
          this.set({ queue: name }, oldestAge / 1_000);
        }
      },
    });
  }

  #add(gauge: GaugeConfiguration<string>): void {
    this.#registry.registerMetric(new Gauge({ ...gauge, registers: [] }));
  }

  @Get()
  @Header('content-type', 'text/plain; version=0.0.4')
  metrics(): Promise<string> {
    return this.#registry.metrics();
  }
}
