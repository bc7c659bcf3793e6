import { Controller, Get } from '@nestjs/common';
import { TaskRunner } from 'nestjs-background-tasks';

@Controller('scaling')
export class ScalingController {
  constructor(private readonly runner: TaskRunner) {}

  @Get()
  async scaling(): Promise<{ oldestAge: number }> {
    const queues = await this.runner.queueStats();
    const ages = queues.filter(({ isPaused }) => !isPaused).map(({ oldestAge = 0 }) => oldestAge);
    return { oldestAge: Math.max(0, ...ages) / 1_000 };
  }
}
