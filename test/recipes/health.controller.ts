import { Controller, Get } from '@nestjs/common';
import { HealthCheck, HealthCheckService, HealthIndicatorService } from '@nestjs/terminus';
import { TaskQueueError, TaskRunner } from 'nestjs-background-tasks';

const MAX_UNSETTLED = 1_000;
const MAX_AGE = 60_000;

@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly runner: TaskRunner,
  ) {}

  @Get()
  @HealthCheck()
  check() {
    return this.health.check([() => this.#tasks(), () => this.#threads(), () => this.#queues()]);
  }

  #tasks() {
    const { pending, running } = this.runner.stats();
    const indicator = this.indicators.check('tasks');
    return pending + running > MAX_UNSETTLED ? indicator.down({ pending, running }) : indicator.up();
  }

  #threads() {
    const { alive, waiting } = this.runner.stats().threads;
    const indicator = this.indicators.check('threads');
    return alive === 0 && waiting > 0 ? indicator.down({ waiting }) : indicator.up();
  }

  async #queues() {
    const indicator = this.indicators.check('queues');
    try {
      const queues = await this.runner.queueStats();
      const late = queues.filter(({ isPaused, oldestAge = 0 }) => !isPaused && oldestAge > MAX_AGE);
      return late.length > 0 ? indicator.down({ late: late.map(({ name }) => name) }) : indicator.up();
    } catch (error) {
      return indicator.down({ reason: (error as TaskQueueError).code });
    }
  }
}
