// docs/coming-from/nestjs-schedule-and-event-emitter.md: each row of its tables, and each of its examples, runs.
import { Body, Controller, Injectable, Post, Scope } from '@nestjs/common';
import { EventEmitter2, EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { Cron, Interval, ScheduleModule, SchedulerRegistry, Timeout } from '@nestjs/schedule';
import request from 'supertest';
import { beforeEach, describe, expect } from 'vitest';
import {
  BackgroundTasks,
  type BackgroundTasksModuleOptions,
  Task,
  TaskRegistry,
  TaskRunner,
  Tasks,
} from 'nestjs-background-tasks';
import { TestTasks, TestTasksModule } from 'nestjs-background-tasks/testing';
import { Gate } from '../fixtures/gate.ts';
import { startApp } from '../fixtures/start-app.ts';
import { comingFrom } from './page.ts';

const { row, check } = comingFrom('nestjs-schedule-and-event-emitter');

let ran: string[] = [];
let gate = new Gate();
let isBroken = false;
beforeEach(() => {
  ran = [];
  gate = new Gate();
  isBroken = false;
});

// #region cron
@Injectable()
export class Reports {
  constructor(private readonly runner: TaskRunner) {}

  @Cron('0 3 * * *', { timeZone: 'Europe/Berlin' })
  nightly() {
    return this.runner.with({ attempts: 3, deduplication: { id: 'rebuild' } }).start(this, 'rebuild');
  }

  async rebuild() {
    await gate.opened;
    ran.push('rebuilt');
  }
}
// #endregion

// #region repeat
@Injectable()
export class Invoices {
  @Task({ queue: 'nightly', repeat: { pattern: '0 3 * * *', tz: 'Europe/Berlin' }, attempts: 3 })
  async remind() {
    ran.push('reminded');
  }
}
// #endregion

@Injectable()
class Polling {
  constructor(private readonly runner: TaskRunner) {}

  @Interval(3_600_000)
  poll() {
    return this.runner.start(this, 'look');
  }

  @Timeout(3_600_000)
  later() {
    return this.runner.start(this, 'look');
  }

  look() {
    ran.push('looked');
  }
}

@Injectable()
class Mailer {
  send(to: string) {
    ran.push(`mail to ${to}`);
    if (isBroken) {
      throw new Error('the mail server is down');
    }
  }
}

@Injectable()
class Statistics {
  count() {
    ran.push('counted');
  }
}

// #region handler
@Controller('orders')
export class OrdersController {
  constructor(
    private readonly mailer: Mailer,
    private readonly statistics: Statistics,
  ) {}

  @Post()
  create(@Body() order: { email: string }, @Tasks() tasks: BackgroundTasks) {
    const independent = tasks.with({ onFailure: 'continue' });
    independent.addTask(this.mailer, 'send', order.email);
    independent.addTask(this.statistics, 'count');
    return order;
  }
}
// #endregion

// #region listener
@Injectable()
export class OrderListener {
  constructor(
    private readonly runner: TaskRunner,
    private readonly mailer: Mailer,
  ) {}

  @OnEvent('order.created')
  sendConfirmation(order: { email: string }) {
    this.runner.with({ attempts: 3 }).start(this.mailer, 'send', order.email);
  }
}
// #endregion

@Controller('events')
class EventsController {
  constructor(private readonly emitter: EventEmitter2) {}

  @Post()
  create(@Body() order: { email: string }) {
    this.emitter.emit('order.created', order);
    return order;
  }
}

const start = (options: BackgroundTasksModuleOptions = {}) =>
  startApp(
    {
      controllers: [OrdersController, EventsController],
      providers: [Reports, Polling, Mailer, Statistics, OrderListener],
      imports: [ScheduleModule.forRoot(), EventEmitterModule.forRoot()],
    },
    { shutdownTimeout: 10_000, ...options },
  );

const post = (url: string, path: string) => request(url).post(path).send({ email: 'ada@example.com' });

describe('@nestjs/schedule', () => {
  row("`@Cron('0 3 * * *', { timeZone })` on the method that works", async () => {
    const { app, runner } = await start();
    expect(app.get(SchedulerRegistry).getCronJobs().size).toBe(1);
    app.get(Reports).nightly();
    gate.open();
    await runner.drain();
    expect(ran).toEqual(['rebuilt']);
  });
  row('`@Interval(60_000)`, `@Timeout(5_000)`', async () => {
    const { app, runner } = await start();
    app.get(Polling).poll();
    app.get(Polling).later();
    await runner.drain();
    expect(ran).toEqual(['looked', 'looked']);
  });
  row('`setTimeout` for one run later', async () => {
    const { runner } = await start();
    const task = runner.with({ delay: 60_000 }).start(Statistics, 'count');
    expect(task.status).toBe('pending');
    task.cancel();
  });
  row('Each process runs the job.', async () => {
    const { app } = await startApp({ providers: [Invoices], imports: [TestTasksModule.forRoot({ mode: 'manual' })] });
    expect(await app.get(TestTasks).runScheduled('Invoices.remind')).toMatchObject({ status: 'completed' });
  });
  row('`waitForCompletion: true`', async () => {
    const { app, runner } = await start();
    expect(app.get(Reports).nightly()).toBe(app.get(Reports).nightly());
    gate.open();
    await runner.drain();
    expect(ran).toEqual(['rebuilt']);
  });
  row('An error is in the log, and the job waits for its next time.', async () => {
    isBroken = true;
    const { runner, log } = await start();
    runner.with({ attempts: 3 }).start(Mailer, 'send', 'ada@example.com');
    await runner.drain();
    expect(ran).toHaveLength(3);
    expect(log.said('error')).toHaveLength(1);
  });
  row('Nothing tells whether a run has worked.', async () => {
    const { app, runner } = await start();
    gate.open();
    const { id } = app.get(Reports).nightly();
    await runner.drain();
    expect(await app.get(TaskRegistry).get(id)).toMatchObject({ status: 'completed', name: 'Reports.rebuild' });
  });
  row('A shutdown stops the timers, and leaves a run that has begun.', async () => {
    const { app } = await start();
    app.enableShutdownHooks();
    app.get(Reports).nightly();
    const closed = app.close();
    gate.open();
    await closed;
    expect(ran).toEqual(['rebuilt']);
  });
  row('`SchedulerRegistry`', async () => {
    const { app } = await start();
    expect(app.get(SchedulerRegistry).getIntervals()).toHaveLength(1);
  });
});

describe('@nestjs/event-emitter', () => {
  row("`emitter.emit('order.created', order)` for work after the response", async () => {
    const { url, runner } = await start();
    await post(url, '/orders').expect(201);
    await runner.drain();
    expect(ran).toEqual(['mail to ada@example.com', 'counted']);
  });
  row('A listener runs before the response, until its first `await`.', async () => {
    const { url, runner } = await start();
    await post(url, '/events').expect(201);
    await runner.drain();
    expect(ran).toEqual(['mail to ada@example.com']);
  });
  row('A listener that should work after the response', async () => {
    @Injectable()
    class Listener {
      constructor(private readonly tasks: BackgroundTasks) {}

      @OnEvent('order.created')
      listen() {
        const task = this.tasks.addTask(() => ran.push('after the response'));
        ran.push(task.status);
      }
    }
    const singleton: object = { scope: Scope.DEFAULT };
    const { url, runner } = await startApp(
      { controllers: [EventsController], providers: [Listener], imports: [EventEmitterModule.forRoot()] },
      singleton,
    );
    await post(url, '/events').expect(201);
    await runner.drain();
    expect(ran).toEqual(['pending', 'after the response']);
  });
  row('A handler that throws after `emit`: the listener has run.', async () => {
    @Controller()
    class Failing {
      @Post()
      fail(@Tasks() tasks: BackgroundTasks) {
        tasks.addTask(() => ran.push('task'));
        tasks.with({ runOn: 'failure' }).addTask(() => ran.push('after the failure'));
        throw new Error('no');
      }
    }
    const { url, runner } = await startApp({ controllers: [Failing] });
    await request(url).post('/').expect(500);
    await runner.drain();
    expect(ran).toEqual(['after the failure']);
  });
  row('A listener that throws: Nest logs the error.', async () => {
    isBroken = true;
    const { url, runner, log } = await start();
    await post(url, '/events').expect(201);
    await runner.drain();
    expect(ran).toHaveLength(3);
    expect(log.said('error')).toHaveLength(1);
  });
  row('Several listeners of one event', async () => {
    isBroken = true;
    const { url, runner } = await start();
    await post(url, '/orders').expect(201);
    await runner.drain();
    expect(ran).toEqual(['mail to ada@example.com', 'counted']);
  });
  row('A request-scoped listener', async () => {
    const { runner } = await start();
    runner.start(Statistics, 'count');
    await runner.drain();
    expect(ran).toEqual(['counted']);
  });
  row('`await emitter.emitAsync()` in a test', async () => {
    const { url, runner } = await start();
    await post(url, '/orders').expect(201);
    await runner.drain();
    expect(ran).toContain('counted');
  });
  row('A shutdown leaves a listener that has begun.', async () => {
    const { app, runner } = await start();
    app.enableShutdownHooks();
    const task = runner.start(() => gate.opened);
    const closed = app.close();
    gate.open();
    await closed;
    expect(task.status).toBe('completed');
  });
  row('An event is lost when the process ends.', async () => {
    const { app, runner } = await startApp({
      providers: [Invoices],
      imports: [TestTasksModule.forRoot({ mode: 'manual' })],
    });
    runner.start(Invoices, 'remind');
    await app.get(TestTasks).run();
    expect(app.get(TestTasks).added({ queue: 'nightly' })).toHaveLength(1);
  });
});

check();
