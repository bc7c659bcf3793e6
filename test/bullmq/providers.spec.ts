import {
  Controller,
  Get,
  Injectable,
  mixin,
  Module,
  Scope,
  UseGuards,
  type CanActivate,
  type Provider,
} from '@nestjs/common';
import { LazyModuleLoader } from '@nestjs/core';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  BackgroundTasks,
  chain,
  DefineTaskError,
  defineTask,
  step,
  Task,
  TaskArgumentError,
  TaskRegistry,
  TaskRunner,
} from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import {
  decoratorLost,
  mixinWithoutName,
  notTheProvided,
  providedTwice,
  sameName,
  unknownToWorker,
} from '../../lib/durable/durable.messages.ts';
import { durableInClass } from '../../lib/execution/execution.messages.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';

const SYMBOL = Symbol('symbol');

@Injectable()
class Mailer {
  constructor(readonly from = 'mailer') {}

  @Task({ queue: 'mail' })
  send(to: string) {
    return `${this.from} to ${to}`;
  }

  @Task({ queue: 'mail' })
  [SYMBOL]() {
    return `${this.from}: symbol`;
  }

  @Task({ queue: 'mail' })
  static flush() {
    return 'flushed';
  }
}

class Campaign extends Mailer {}

@Injectable()
class PlainMailer {
  readonly from = 'plain';

  @Task({ queue: 'mail' })
  send(to: string) {
    return `${this.from} to ${to}`;
  }
}

abstract class Sender {
  abstract send(to: string): string;
}

@Controller()
class MailController {
  @Task({ queue: 'mail' })
  fromController() {
    return this instanceof MailController;
  }

  @Get()
  get() {}
}

@Injectable()
class Guard implements CanActivate {
  @Task({ queue: 'mail' })
  fromGuard() {
    return this instanceof Guard;
  }

  canActivate() {
    return true;
  }
}

@Controller()
@UseGuards(Guard)
class GuardedController {
  @Get('guarded')
  get() {}
}

/** Adds its own methods: one object for each request, since it injects the tasks. */
@Controller()
class OwnController {
  constructor(private readonly tasks: BackgroundTasks) {}

  @Get('own')
  add() {
    return { id: this.tasks.addTask(this, 'own', 'ada').id };
  }

  @Task({ queue: 'mail', attempts: 2 })
  own(to: string) {
    return `own to ${to}`;
  }
}

/** Adds its own methods: one object for all. */
@Injectable()
class OwnService {
  constructor(private readonly runner: TaskRunner) {}

  add() {
    return this.runner.start(this, 'own', 'ada');
  }

  @Task({ queue: 'mail', attempts: 2 })
  own(to: string) {
    return `own to ${to}`;
  }
}

stopStores();
afterEach(() => vi.resetModules());

const start = (connection: string, providers: Provider[], imports: NonNullable<unknown>[] = [], more = {}) =>
  startApp({
    imports: [BullMqTasksModule.forRoot({ connection, prefix: ownPrefix(), ...more }), ...(imports as [])],
    controllers: [MailController, GuardedController],
    providers,
  });

describe.each(stores)('on $name', ({ connection }) => {
  test.each<[string, Provider[], unknown]>([
    ['useClass', [{ provide: 'MAILER', useClass: PlainMailer }], 'plain to ada'],
    ['useValue', [{ provide: 'MAILER', useValue: new Mailer('value') }], 'value to ada'],
    ['useFactory', [{ provide: 'MAILER', useFactory: () => new Mailer('factory') }], 'factory to ada'],
    ['an async useFactory', [{ provide: 'MAILER', useFactory: async () => new Mailer('late') }], 'late to ada'],
    [
      'a factory that is a function with a prototype',
      [
        {
          provide: 'MAILER',
          useFactory: function make() {
            return new Mailer('made');
          },
        },
      ],
      'made to ada',
    ],
    ['useExisting', [PlainMailer, { provide: 'MAILER', useExisting: PlainMailer }], 'plain to ada'],
    ['a subclass', [PlainMailer, { provide: 'MAILER', useFactory: () => new Campaign('sub') }], 'sub to ada'],
    ['a proxy', [{ provide: 'MAILER', useFactory: () => new Proxy(new Mailer('proxy'), {}) }], 'proxy to ada'],
  ])('a task of %s runs on the object that was given', async (_name, providers, result) => {
    const { app, runner } = await start(connection, providers);
    const task = runner.start(app.get<Mailer>('MAILER'), 'send', 'ada');
    expect(await task.settled()).toMatchObject({ status: 'completed', result });
  });

  test('so do those of controllers, guards, symbols and classes', async () => {
    const { app, runner } = await start(connection, [{ provide: Mailer, useFactory: () => new Mailer() }]);
    const tasks = [
      runner.start(app.get(MailController), 'fromController'),
      runner.start(app.get(Guard), 'fromGuard'),
      runner.start(app.get(Mailer), SYMBOL),
      runner.start(Mailer, 'flush'),
      runner.start(Mailer, 'send', 'ada'),
    ];
    const records = await Promise.all(tasks.map((task) => task.settled()));
    expect(records.map(({ result, error }) => error ?? result)).toEqual([
      true,
      true,
      'mailer: symbol',
      'flushed',
      'mailer to ada',
    ]);
  });

  test('the class that is the token stands for what is provided for it', async () => {
    const { runner } = await start(connection, [{ provide: Mailer, useFactory: () => new Campaign('campaign') }]);
    const task = runner.start(Mailer, 'send', 'ada');
    expect(await task.settled()).toMatchObject({ name: 'Mailer.send', status: 'completed', result: 'campaign to ada' });
  });

  test('one of request scope is created by its own module, where another has the same token', async () => {
    const provide = (type: new () => object) => {
      @Module({ providers: [{ provide: 'REPORT', scope: Scope.REQUEST, useClass: type }] })
      class Reports {}
      return Reports;
    };
    class First {
      @Task({ queue: 'reports' })
      render() {
        return 'first';
      }
    }
    class Second {
      @Task({ queue: 'reports' })
      render() {
        return 'second';
      }
    }
    const { runner } = await start(connection, [], [provide(First), provide(Second)]);
    const tasks = [runner.start(First, 'render'), runner.start(Second, 'render')];
    const records = await Promise.all(tasks.map((task) => task.settled()));
    expect(records.map(({ result }) => result)).toEqual(['first', 'second']);
  });

  test('a module that is loaded later has its tasks run, also from a queue of its own', async () => {
    class Late {
      @Task({ queue: 'mail' })
      inQueue() {
        return 'known queue';
      }

      @Task({ queue: 'late' })
      inOwnQueue() {
        return 'own queue';
      }
    }
    @Module({ providers: [{ provide: 'LATE', useFactory: async () => new Late() }], exports: ['LATE'] })
    class LateModule {}
    const { app, runner, log } = await start(connection, []);
    const moduleRef = await app.get(LazyModuleLoader).load(() => LateModule);
    const late = moduleRef.get<Late>('LATE');
    const tasks = [runner.start(late, 'inQueue'), runner.start(late, 'inOwnQueue')];
    const records = await Promise.all(tasks.map((task) => task.settled()));
    expect(records.map(({ result }) => result)).toEqual(['known queue', 'own queue']);
    expect(log.said('warn')).toEqual([]);
  });

  test('a module that is loaded later and clashes is an error in the log, once, and the others run', async () => {
    @Module({ providers: [{ provide: 'OTHER', useFactory: () => new PlainMailer() }] })
    class LateModule {}
    const { app, runner, log } = await start(connection, [PlainMailer]);
    await app.get(LazyModuleLoader).load(() => LateModule);
    for (let i = 0; i < 2; i++) {
      const task = runner.start(app.get(PlainMailer), 'send', 'ada');
      expect(await task.settled()).toMatchObject({ status: 'completed', result: 'plain to ada' });
    }
    expect(log.said('error').map(({ message }) => message)).toEqual([
      providedTwice('PlainMailer.send', 'PlainMailer.send', ['RootTestModule (PlainMailer)', 'LateModule (OTHER)']),
    ]);
  });

  test('one that this worker doesn’t know is warned of once', async () => {
    const { runner, log } = await start(connection, [{ provide: 'OTHER', useFactory: () => new PlainMailer() }]);
    for (let i = 0; i < 2; i++) {
      await runner.start(new Campaign(), 'send', 'ada').stored();
    }
    const warning = unknownToWorker('Campaign.send', 'mail');
    expect(log.said('warn').filter(({ message }) => message === warning)).toHaveLength(1);
  });

  test('a file that is loaded again defines its tasks again', async () => {
    const results: unknown[] = [];
    for (let i = 0; i < 2; i++) {
      vi.resetModules();
      const { reloaded } = await import('../fixtures/reloaded/reloaded.task.ts');
      const { runner } = await start(connection, []);
      results.push((await runner.start(reloaded).settled()).result);
    }
    const [first] = results as [number];
    expect(results).toEqual([first, first + 1]);
  });

  test('own methods go to their queue', async () => {
    const { app, url } = await startApp({
      imports: [BullMqTasksModule.forRoot({ connection, prefix: ownPrefix() })],
      controllers: [OwnController],
      providers: [OwnService],
    });
    const response = await fetch(`${url}/own`);
    const { id } = (await response.json()) as { id: string };
    const task = app.get(OwnService).add();
    const completed = { status: 'completed', queue: 'mail', attempts: 1, result: 'own to ada' };
    await expect.poll(() => app.get(TaskRegistry).get(id)).toMatchObject({ ...completed, name: 'OwnController.own' });
    await expect.poll(() => app.get(TaskRegistry).get(task.id)).toMatchObject({ ...completed, name: 'OwnService.own' });
  });
});

describe.each(stores.slice(0, 1))('refused, on $name', ({ connection }) => {
  const tokens = (): Provider[] => [
    { provide: 'A', useFactory: () => new Mailer('a') },
    { provide: 'B', useFactory: () => new Mailer('b') },
  ];

  test('a class that is provided twice, by tokens or by modules', async () => {
    await expect(start(connection, tokens())).rejects.toThrow(
      new DefineTaskError(providedTwice('Mailer.send', 'Mailer.send', ['RootTestModule (A)', 'RootTestModule (B)'])),
    );
    @Module({ providers: [PlainMailer] })
    class One {}
    @Module({ providers: [PlainMailer] })
    class Two {}
    await expect(start(connection, [], [One, Two])).rejects.toThrow(
      providedTwice('PlainMailer.send', 'PlainMailer.send', ['One (PlainMailer)', 'Two (PlainMailer)']),
    );
  });

  test('an object that Nest doesn’t hold, also in a step', async () => {
    const { runner } = await start(connection, [PlainMailer]);
    const error = new TaskArgumentError(notTheProvided('PlainMailer.send'));
    expect(() => runner.start(new PlainMailer(), 'send', 'ada')).toThrow(error);
    const flow = chain(step(new PlainMailer(), 'send', 'ada'), step(PlainMailer, 'send', 'bob'));
    expect(() => runner.start(flow)).toThrow(error);
  });

  test('a class that doesn’t say that the task of its provider is durable', async () => {
    const { runner } = await start(connection, [{ provide: Sender, useClass: PlainMailer }]);
    expect(() => runner.start(Sender, 'send', 'ada')).toThrow(
      new TaskArgumentError(durableInClass('Sender.send', 'PlainMailer')),
    );
  });

  test('two functions of one name, of one file', async () => {
    const make = () => defineTask(function twice() {}, { queue: 'twice' });
    make();
    make();
    await expect(start(connection, [])).rejects.toThrow(sameName('twice', ['defineTask(twice)', 'defineTask(twice)']));
    // Another turn defines them again, as if this file were loaded again.
    await Promise.resolve();
    make();
    await start(connection, []);
  });
});

/** As decorators do that forget the metadata of a method. */
function Wrapped(): MethodDecorator {
  return (_holder, _name, descriptor) => {
    const original = descriptor.value as unknown as (...args: unknown[]) => unknown;
    descriptor.value = function (this: unknown, ...args: unknown[]) {
      return Reflect.apply(original, this, args);
    } as never;
  };
}

/** As decorators do that bind a method to its object. */
function Bound(): MethodDecorator {
  return (_holder, _name, { value }) => ({
    get() {
      return (value as unknown as () => unknown).bind(this) as never;
    },
  });
}

class WithWrapper {
  @Wrapped()
  @Task({ attempts: 3 })
  send() {}
}

class Inherited extends WithWrapper {}

class WithGetter {
  @Bound()
  @Task()
  send() {}
}

class WithStatic {
  @Wrapped()
  @Task()
  static send() {}
}

class WithOwn {
  constructor() {
    this.send = this.send.bind(this);
  }

  @Task()
  send() {}
}

test.each<[string, Provider]>([
  ['WithWrapper', WithWrapper],
  ['Inherited', Inherited],
  ['WithGetter', WithGetter],
  ['WithStatic', WithStatic],
  ['WithOwn', WithOwn],
])('a method of %s that has lost its options keeps the application from starting', async (name, provider) => {
  await expect(startApp({ providers: [provider] })).rejects.toThrow(new DefineTaskError(decoratorLost(name, 'send')));
});

test('a proxy that hands out other functions keeps the application from starting', async () => {
  const proxy = new Proxy(new PlainMailer(), {
    get(mailer, key) {
      const value: unknown = Reflect.get(mailer, key);
      return typeof value === 'function' && key !== 'constructor'
        ? (...args: unknown[]) => Reflect.apply(value, mailer, args) as unknown
        : value;
    },
  });
  await expect(startApp({ providers: [{ provide: 'mailer', useValue: proxy }] })).rejects.toThrow(
    new DefineTaskError(decoratorLost('PlainMailer', 'send')),
  );
});

test.each(stores.slice(0, 1))('on $name, a task of a mixin needs a name that other processes know', async (store) => {
  const mailerOf = (options: object) => {
    class Mixin {
      @Task({ queue: 'mail', ...options })
      send() {
        return 'of a mixin';
      }
    }
    return mixin<Mixin>(Mixin);
  };
  const imports = [BullMqTasksModule.forRoot({ connection: store.connection, prefix: ownPrefix() })];
  await expect(startApp({ imports, providers: [mailerOf({})] })).rejects.toThrow(mixinWithoutName('send'));
  const named = mailerOf({ name: 'mixin.send' });
  const { app, runner } = await startApp({ imports, providers: [named] });
  expect(await runner.start(app.get(named), 'send').settled()).toMatchObject({
    name: 'mixin.send',
    result: 'of a mixin',
  });
});

test('a method that a subclass replaces is its own', async () => {
  class Quiet extends PlainMailer {
    override send() {
      return '';
    }
  }
  const { app } = await startApp({ providers: [Quiet] });
  expect(await app.get(TaskRunner).start(app.get(Quiet), 'send').settled()).toMatchObject({ status: 'completed' });
});
