import { Controller, Get } from '@nestjs/common';
import { describe, expect, test } from 'vitest';
import {
  BackgroundTasks,
  currentTask,
  defineTask,
  Task,
  Tasks,
  type BackgroundTask,
  type BackgroundTasksModuleOptions,
  type TaskOptions,
} from 'nestjs-background-tasks';
import { unlessDurable } from './fixtures/by-design.ts';
import { Gate } from './fixtures/gate.ts';
import { startApp } from './fixtures/start-app.ts';
import { add as addNumbers } from './fixtures/threads/math.task.ts';

const entered: number[] = [];
const order: string[] = [];
const gate = new Gate();
let added: readonly BackgroundTask[];
let ofMany: TaskOptions = {};

@Controller()
class ParallelController {
  @Get('group')
  group(@Tasks() tasks: BackgroundTasks) {
    for (let i = 0; i < 5; i++) {
      tasks.addTask(async () => {
        entered.push(i);
        if (i === 0) {
          tasks.addTask(() => entered.push(5));
        }
        await gate.opened;
      });
    }
    added = tasks.tasks;
  }

  @Get('many')
  many(@Tasks() tasks: BackgroundTasks) {
    for (let i = 0; i < 1_000; i++) {
      tasks.with(ofMany).addTask(() => {
        const end = performance.now() + 1;
        while (performance.now() < end);
        order.push('many');
      });
    }
  }

  @Get('failing')
  failing(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(() => Promise.reject(new Error('boom')));
    tasks.addTask(() => undefined);
    added = tasks.tasks;
  }
}

test("execution: 'parallel' starts all of a request's tasks, also what they add", async () => {
  const { url, runner } = await startApp({ controllers: [ParallelController] }, { execution: 'parallel' });
  await fetch(`${url}/group`);
  await expect.poll(() => entered).toEqual([0, 1, 2, 3, 4, 5]);
  expect(runner.stats()).toMatchObject({ running: 5, completed: 1 });
  gate.open();
  await runner.drain();
  const records = await Promise.all(added.map((task) => task.settled()));
  expect(records.every(({ status }) => status === 'completed')).toBe(true);
});

test('no task comes after another, so a failure skips none', async () => {
  const { url, runner, log } = await startApp({ controllers: [ParallelController] }, { execution: 'parallel' });
  await fetch(`${url}/failing`);
  await runner.drain();
  const records = await Promise.all(added.map((task) => task.settled()));
  expect(records.map(({ status }) => status)).toEqual(['failed', 'completed']);
  expect(log.said('error')).toHaveLength(1);
  expect(log.said('warn')).toEqual([]);
});

test.each([
  ['of a parallel application', { execution: 'parallel' }, {}],
  ['that are parallel', {}, { execution: 'parallel' }],
] as const)(
  'a request with many tasks %s does not hold back one with a single task',
  async (_which, options, given) => {
    const { url, runner } = await startApp({ controllers: [ParallelController] }, options);
    ofMany = given;
    order.length = 0;
    await fetch(`${url}/many`);
    await expect.poll(() => order.length).toBeGreaterThan(0);
    const before = order.length;
    runner.start(() => order.push('single'));
    await runner.drain();
    expect(order.indexOf('single') - before).toBeLessThan(20);
    expect(order).toHaveLength(1_001);
  },
);

/** Adds tasks by their names, and holds each until the test lets it go. */
class Steps {
  readonly order: string[] = [];
  readonly tasks = new Map<string, BackgroundTask>();
  readonly #gates = new Map<string, Gate>();

  /** A function that returns once `finish(name)` was called, and throws if it was called with an error. */
  readonly run = async (name: string) => {
    this.order.push(`${name} begins`);
    const held = new Gate();
    this.#gates.set(name, held);
    await held.opened;
    this.order.push(`${name} ends`);
    if (name.startsWith('fails')) {
      throw new Error(name);
    }
  };

  add(tasks: BackgroundTasks, ...names: string[]): void {
    for (const name of names) {
      this.tasks.set(name, tasks.with({ name }).addTask(this.run, name));
    }
  }

  finish(name: string): void {
    this.#gates.get(name)!.open();
  }

  begun(...names: string[]): Promise<void> {
    return expect
      .poll(() => this.order.filter((it) => it.endsWith('begins')))
      .toEqual(names.map((it) => `${it} begins`));
  }

  statuses(): Record<string, string> {
    return Object.fromEntries(Array.from(this.tasks, ([name, { status }]) => [name, status]));
  }
}

/** A request adds tasks, and its response has the status 400 if that throws. */
async function request(add: (tasks: BackgroundTasks) => void, options?: BackgroundTasksModuleOptions) {
  @Controller()
  class OneController {
    @Get()
    get(@Tasks() tasks: BackgroundTasks) {
      add(tasks);
    }
  }
  const started = await startApp({ controllers: [OneController] }, options);
  await fetch(started.url);
  return started;
}

const parallel = { execution: 'parallel' } as const;

describe("with({ execution: 'parallel' })", () => {
  unlessDurable('order')('such a task waits for none of its request, and none waits for it', async () => {
    const steps = new Steps();
    const { runner } = await request((tasks) => {
      steps.add(tasks, 'first');
      steps.add(tasks.with(parallel), 'apart', 'apart too');
      steps.add(tasks, 'second');
    });
    await expect.poll(() => steps.order.toSorted()).toEqual(['apart begins', 'apart too begins', 'first begins']);
    steps.finish('first');
    await expect.poll(() => steps.order.at(-1)).toBe('second begins');
    expect(steps.statuses()).toEqual({
      first: 'completed',
      apart: 'running',
      'apart too': 'running',
      second: 'running',
    });
    ['apart', 'apart too', 'second'].forEach((name) => steps.finish(name));
    await runner.drain();
  });

  unlessDurable('order')('a failure before it does not skip it, and its own failure skips none', async () => {
    const steps = new Steps();
    const { runner, log } = await request((tasks) => {
      steps.add(tasks, 'fails first');
      steps.add(tasks.with({ ...parallel, delay: 300 }), 'apart');
      steps.add(tasks.with({ ...parallel, onFailure: 'stop' }), 'fails apart');
      steps.add(tasks, 'after');
    });
    await expect.poll(() => steps.order).toHaveLength(2);
    steps.finish('fails apart');
    await expect.poll(() => steps.tasks.get('fails apart')!.status).toBe('failed');
    expect(steps.statuses()).toMatchObject({ apart: 'pending', after: 'pending' });
    steps.finish('fails first');
    await expect.poll(() => steps.tasks.get('after')!.status).toBe('skipped');
    await expect.poll(() => steps.order).toContain('apart begins');
    steps.finish('apart');
    await runner.drain();
    expect(steps.statuses()).toEqual({
      'fails first': 'failed',
      apart: 'completed',
      'fails apart': 'failed',
      after: 'skipped',
    });
    expect(log.said('warn')).toHaveLength(1);
  });

  unlessDurable('order')("a task can keep the order where the module's execution is parallel", async () => {
    const steps = new Steps();
    const { runner } = await request(
      (tasks) => {
        const ordered = tasks.with({ execution: 'sequential' });
        steps.add(ordered, 'first');
        steps.add(tasks, 'apart');
        steps.add(ordered, 'second');
      },
      { execution: 'parallel' },
    );
    await expect.poll(() => steps.order.toSorted()).toEqual(['apart begins', 'first begins']);
    steps.finish('first');
    await expect.poll(() => steps.order).toContain('second begins');
    ['apart', 'second'].forEach((name) => steps.finish(name));
    await runner.drain();
  });

  test('runOn decides about it as about others', async () => {
    const steps = new Steps();
    const { runner } = await request((tasks) => {
      steps.add(tasks.with({ ...parallel, runOn: 'always' }), 'always');
      steps.add(tasks.with({ ...parallel, runOn: 'failure' }), 'failure');
      steps.add(tasks.with(parallel), 'success');
      throw new Error('boom');
    });
    await expect.poll(() => steps.order.toSorted()).toEqual(['always begins', 'failure begins']);
    ['always', 'failure'].forEach((name) => steps.finish(name));
    await runner.drain();
    await expect.poll(() => steps.statuses()).toMatchObject({ success: 'skipped' });
  });

  unlessDurable('order')('@Task, defineTask and defaults take it', async () => {
    const steps = new Steps();
    class Service {
      @Task(parallel)
      apart() {
        return steps.run('method');
      }
    }
    const defined = defineTask(function defined() {
      return steps.run('function');
    }, parallel);
    const service = new Service();
    const first = await request((tasks) => {
      steps.add(tasks, 'first');
      tasks.addTask(service, 'apart');
      tasks.addTask(defined);
      tasks.with({ execution: 'sequential' }).addTask(service, 'apart');
    });
    await expect.poll(() => steps.order.toSorted()).toEqual(['first begins', 'function begins', 'method begins']);
    ['method', 'function', 'first'].forEach((name) => steps.finish(name));
    await expect.poll(() => steps.order.at(-1)).toBe('method begins');
    steps.finish('method');
    await first.runner.drain();
    const others = new Steps();
    const { runner } = await request((tasks) => others.add(tasks, 'a', 'b'), { defaults: parallel });
    await others.begun('a', 'b');
    ['a', 'b'].forEach((name) => others.finish(name));
    await runner.drain();
  });

  unlessDurable('order')('a task that is added while tasks run, or by such a task, joins them', async () => {
    const steps = new Steps();
    let late!: BackgroundTasks;
    const { runner } = await request((tasks) => {
      late = tasks;
      steps.add(tasks, 'first');
      tasks.with(parallel).addTask(() => {
        steps.add(tasks.with(parallel), 'added');
        steps.add(tasks, 'in order');
      });
    });
    await steps.begun('first', 'added');
    steps.add(late.with(parallel), 'late');
    await steps.begun('first', 'added', 'late');
    steps.finish('first');
    await steps.begun('first', 'added', 'late', 'in order');
    ['added', 'late', 'in order'].forEach((name) => steps.finish(name));
    await runner.drain();
  });

  unlessDurable('order')(
    'a failure skips a deduplicated task of another request only where that keeps the order',
    async () => {
      const steps = new Steps();
      let add!: (tasks: BackgroundTasks) => void;
      const { runner, url } = await request((tasks) => add?.(tasks));
      const held = runner.with({ name: 'held', deduplication: { id: 'held' }, runOn: 'always' });
      const running = held.start(steps.run, 'held');
      await steps.begun('held');
      add = (tasks) => {
        steps.add(tasks, 'fails');
        steps.add(tasks.with({ ...parallel, deduplication: { id: 'held' } }), 'same');
        steps.add(tasks.with({ ...parallel, deduplication: { id: 'other' } }), 'other');
        steps.add(tasks.with({ ...parallel, deduplication: { id: 'other' } }), 'other again');
      };
      await fetch(url);
      await expect.poll(() => steps.order).toContain('other begins');
      expect(steps.tasks.get('same')).toBe(running);
      expect(steps.tasks.get('other again')).toBe(steps.tasks.get('other'));
      steps.finish('fails');
      await expect.poll(() => steps.tasks.get('fails')!.status).toBe('failed');
      ['other', 'held'].forEach((name) => steps.finish(name));
      await runner.drain();
      expect(steps.statuses()).toMatchObject({ same: 'completed', other: 'completed' });
    },
  );

  unlessDurable('closing')(
    'an application that closes waits for such tasks, and cancels those that take too long',
    async () => {
      const steps = new Steps();
      const finished: BackgroundTask[] = [];
      const { app, log } = await request(
        (tasks) => {
          finished.push(tasks.with(parallel).addTask(() => new Promise((resolve) => setTimeout(resolve, 50))));
          tasks.with(parallel).addTask(
            () =>
              new Promise((_, reject) => {
                currentTask()!.signal.addEventListener('abort', () => reject(new Error('aborted')));
              }),
          );
          steps.add(tasks.with({ ...parallel, name: 'stuck' }), 'stuck');
        },
        { shutdownTimeout: 300 },
      );
      await steps.begun('stuck');
      await app.close();
      expect(finished[0]!.status).toBe('completed');
      expect(steps.statuses()).toEqual({ stuck: 'cancelled' });
      expect(JSON.stringify(log.said('warn'))).toContain('stuck');
    },
  );

  unlessDurable('order')('one that waits for its delay or its next attempt holds back none', async () => {
    const steps = new Steps();
    const backoff = { type: 'fixed', delay: 100_000 } as const;
    let retried = 0;
    const { runner } = await request((tasks) => {
      steps.add(tasks.with({ ...parallel, delay: 100_000 }), 'delayed');
      steps.add(tasks.with({ ...parallel, attempts: 2, backoff }), 'fails and waits');
      tasks.with({ ...parallel, attempts: 3, delay: 10, backoff: { ...backoff, delay: 10 } }).addTask(() => {
        if (++retried < 3) {
          throw new Error('boom');
        }
      });
      steps.add(tasks, 'first', 'second');
    });
    await expect.poll(() => steps.order.toSorted()).toEqual(['fails and waits begins', 'first begins']);
    ['fails and waits', 'first'].forEach((name) => steps.finish(name));
    await expect.poll(() => steps.order).toContain('second begins');
    steps.finish('second');
    await expect.poll(() => retried).toBe(3);
    await expect.poll(() => runner.stats()).toMatchObject({ pending: 2, delayed: 2, running: 0 });
    ['delayed', 'fails and waits'].forEach((name) => steps.tasks.get(name)!.cancel());
    await runner.drain();
    expect(runner.stats()).toMatchObject({ completed: 3, cancelled: 2, skipped: 0 });
  });

  test('one that is cancelled before the response never runs, and the others do', async () => {
    const ran: string[] = [];
    const { runner } = await request((tasks) => {
      const note = (name: string) => () => void ran.push(name);
      const task = tasks.with(parallel).addTask(note('cancelled'));
      tasks.with(parallel).addTask(note('parallel'));
      tasks.addTask(note('sequential'));
      task.cancel();
    });
    await runner.drain();
    expect(ran.toSorted()).toEqual(['parallel', 'sequential']);
  });

  unlessDurable('order')('a task can wait for one that it has added', async () => {
    const ran: string[] = [];
    const { runner } = await request((tasks) => {
      tasks.addTask(async () => {
        await tasks
          .with(parallel)
          .addTask(() => ran.push('inner'))
          .settled();
        ran.push('outer');
      });
      tasks.addTask(() => ran.push('next'));
    });
    await runner.drain();
    expect(ran).toEqual(['inner', 'outer', 'next']);
  });

  unlessDurable('order')('one for a thread runs beside the others', async () => {
    const steps = new Steps();
    let inThread!: BackgroundTask;
    const { runner } = await request((tasks) => {
      steps.add(tasks, 'first');
      inThread = tasks.with(parallel).addTask(addNumbers, 1, 2);
      steps.add(tasks, 'second');
    });
    expect(await inThread.settled()).toMatchObject({ status: 'completed', result: 3 });
    expect(steps.order).toEqual(['first begins']);
    steps.finish('first');
    await steps.begun('first', 'second');
    steps.finish('second');
    await runner.drain();
  });

  unlessDurable('places')('they wait for the slots of concurrency', async () => {
    let running = 0;
    let most = 0;
    const { url, runner } = await request(
      (tasks) => {
        for (let i = 0; i < 10; i++) {
          tasks.with(i % 2 ? parallel : {}).addTask(async () => {
            most = Math.max(most, ++running);
            await new Promise(setImmediate);
            running--;
          });
        }
      },
      { concurrency: 2 },
    );
    await fetch(url);
    await runner.drain();
    expect(most).toBe(2);
    expect(runner.stats()).toMatchObject({ completed: 20, running: 0, pending: 0 });
  });

  test('discard() skips them too', async () => {
    const ran: string[] = [];
    const { runner } = await request((tasks) => {
      tasks.with(parallel).addTask(() => ran.push('discarded'));
      tasks.addTask(() => ran.push('discarded'));
      tasks.discard();
      tasks.with(parallel).addTask(() => ran.push('kept'));
    });
    await runner.drain();
    expect(ran).toEqual(['kept']);
  });
});

unlessDurable('start').each(['parallel', 'sequential'] as const)(
  'discard() after the list has ended skips a task whose turn has not come: %s',
  async (execution) => {
    const ran: string[] = [];
    let late!: BackgroundTasks;
    const { runner } = await request((tasks) => {
      late = tasks;
      tasks.addTask(() => ran.push('in time'));
    });
    await runner.drain();
    late.with({ execution }).addTask(() => ran.push('discarded'));
    late.discard();
    // Its turn comes, and there is no task.
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    late.with({ execution }).addTask(() => ran.push('kept'));
    await runner.drain();
    expect(ran).toEqual(['in time', 'kept']);
  },
);
