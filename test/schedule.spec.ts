import { Injectable } from '@nestjs/common';
import { Interval, ScheduleModule } from '@nestjs/schedule';
import { expect, test } from 'vitest';
import { TaskRunner } from 'nestjs-background-tasks';
import { startApp } from './fixtures/start-app.ts';

const ran: number[] = [];

class Reports {
  rebuild() {
    ran.push(ran.length);
    throw new Error('of one time, which keeps no other from its turn');
  }
}

@Injectable()
class Nightly {
  constructor(
    private readonly runner: TaskRunner,
    private readonly reports: Reports,
  ) {}

  @Interval(20)
  nightly() {
    this.runner.with({ deduplication: { id: 'rebuild' } }).start(this.reports, 'rebuild');
  }
}

test('what @nestjs/schedule starts through TaskRunner is a task like any other', async () => {
  const { runner, log } = await startApp({ imports: [ScheduleModule.forRoot()], providers: [Reports, Nightly] });
  await expect.poll(() => ran.length).toBeGreaterThanOrEqual(3);
  await expect.poll(() => runner.stats().failed).toBeGreaterThanOrEqual(3);
  expect(log.said('error').length).toBeGreaterThanOrEqual(3);
});
