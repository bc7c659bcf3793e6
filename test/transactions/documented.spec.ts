// The examples of docs/transactions.md on a real Postgres. Each runs as it stands there: the last test compares them.
import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import {
  Body,
  type CallHandler,
  ConflictException,
  Controller,
  type ExecutionContext,
  Global,
  Injectable,
  Module,
  type NestInterceptor,
  Post,
  Req,
  UseInterceptors,
} from '@nestjs/common';
import { Transactional, ClsPluginTransactional, TransactionHost } from '@nestjs-cls/transactional';
import { TransactionalAdapterTypeOrm } from '@nestjs-cls/transactional-adapter-typeorm';
import { ClsModule } from 'nestjs-cls';
import { from, lastValueFrom } from 'rxjs';
import { DataSource, type EntityManager, EntitySchema } from 'typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { BackgroundTasks, Task, TaskRunner } from 'nestjs-background-tasks';
import { BullMqTasksModule, typeOrm } from 'nestjs-background-tasks/bullmq';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';

const url = stores.find(({ name }) => name === 'Postgres')?.connection;
const prefix = ownPrefix();
stopStores();

/** The ids of the orders that were confirmed. */
let confirmed: number[] = [];
/** The ids of the orders whose rows existed when their tasks ran. */
let found: number[] = [];

class Order {
  id!: number;
}

class CreateOrder {
  id!: number;
  fails?: boolean;
}

const orderSchema = new EntitySchema<Order>({
  name: 'orders',
  tableName: 'orders',
  target: Order,
  columns: { id: { type: Number, primary: true } },
});

@Injectable()
class Mailer {
  constructor(private readonly dataSource: DataSource) {}

  @Task({ queue: 'mail' })
  async sendConfirmation(id: number) {
    confirmed.push(id);
    found.push(...(await this.dataSource.manager.findBy(Order, { id })).map((order) => order.id));
  }

  @Task({ queue: 'mail' })
  async sendInvoice(id: number) {
    confirmed.push(id);
  }
}

@Global()
@Module({
  providers: [
    {
      provide: DataSource,
      useFactory: () =>
        new DataSource({ type: 'postgres', url: url!, schema: prefix, entities: [orderSchema] }).initialize(),
    },
    Mailer,
  ],
  exports: [DataSource, Mailer],
})
class DatabaseModule {
  constructor(private readonly dataSource: DataSource) {}

  onApplicationShutdown() {
    return this.dataSource.destroy();
  }
}

/** Ends the transaction of an order that is to fail, after its task was enqueued. */
function failIfAsked({ fails }: CreateOrder) {
  if (fails) {
    throw new ConflictException('the stock is empty');
  }
}

// #region handler
@Controller('orders')
export class OrdersController {
  constructor(
    private readonly tasks: BackgroundTasks,
    private readonly mailer: Mailer,
    private readonly dataSource: DataSource,
  ) {}

  @Post()
  async create(@Body() body: CreateOrder) {
    return this.dataSource.transaction(async (manager) => {
      const order = await manager.save(Order, body);
      this.tasks.addTask(this.mailer, 'sendConfirmation', order.id);
      await this.tasks.flush({ transaction: typeOrm(manager) });
      return order;
    });
  }
}
// #endregion

@Controller('orders-in-vain')
class OrdersInVainController {
  constructor(
    private readonly tasks: BackgroundTasks,
    private readonly mailer: Mailer,
    private readonly dataSource: DataSource,
  ) {}

  @Post()
  async create(@Body() body: CreateOrder) {
    return this.dataSource.transaction(async (manager) => {
      const order = await manager.save(Order, body);
      this.tasks.addTask(this.mailer, 'sendConfirmation', order.id);
      await this.tasks.flush({ transaction: typeOrm(manager) });
      failIfAsked(body);
      return order;
    });
  }
}

@Injectable()
class Orders {
  constructor(
    private readonly txHost: TransactionHost<TransactionalAdapterTypeOrm>,
    private readonly tasks: BackgroundTasks,
    private readonly mailer: Mailer,
  ) {}

  // #region cls
  @Transactional()
  async create(body: CreateOrder) {
    const order = await this.txHost.tx.save(Order, body);
    this.tasks.addTask(this.mailer, 'sendConfirmation', order.id);
    await this.tasks.flush({ transaction: typeOrm(this.txHost.tx) });
    return order;
  }
  // #endregion

  /** Its own transaction is that of `create` too. */
  @Transactional()
  async createAndReserve(body: CreateOrder) {
    const order = await this.create(body);
    failIfAsked(body);
    return order;
  }
}

@Controller('cls')
class ClsController {
  constructor(private readonly orders: Orders) {}

  @Post('orders')
  create(@Body() body: CreateOrder) {
    return this.orders.create(body);
  }

  @Post('orders-in-vain')
  createInVain(@Body() body: CreateOrder) {
    return this.orders.createAndReserve(body);
  }
}

interface WithManager {
  manager: EntityManager;
}

// #region interceptor
@Injectable()
export class TransactionInterceptor implements NestInterceptor {
  constructor(private readonly dataSource: DataSource) {}

  intercept(context: ExecutionContext, next: CallHandler<unknown>) {
    const request = context.switchToHttp().getRequest<{ manager?: EntityManager }>();
    return from(
      this.dataSource.transaction((manager) => {
        request.manager = manager;
        return lastValueFrom(next.handle(), { defaultValue: undefined });
      }),
    );
  }
}
// #endregion

@Controller('intercepted')
@UseInterceptors(TransactionInterceptor)
class InterceptedController {
  constructor(
    private readonly tasks: BackgroundTasks,
    private readonly mailer: Mailer,
  ) {}

  // #region intercepted
  @Post('orders')
  async create(@Req() { manager }: WithManager, @Body() body: CreateOrder) {
    const order = await manager.save(Order, body);
    this.tasks.addTask(this.mailer, 'sendConfirmation', order.id);
    await this.tasks.flush({ transaction: typeOrm(manager) });
    return order;
  }
  // #endregion

  @Post('orders-in-vain')
  async createInVain(@Req() request: WithManager, @Body() body: CreateOrder) {
    const order = await this.create(request, body);
    failIfAsked(body);
    return order;
  }
}

@Injectable()
class Billing {
  constructor(
    private readonly dataSource: DataSource,
    private readonly runner: TaskRunner,
    private readonly mailer: Mailer,
  ) {}

  async bill(invoice: Order) {
    // #region outside
    await this.dataSource.transaction(async (manager) => {
      await manager.save(invoice);
      await this.runner.within(typeOrm(manager)).start(this.mailer, 'sendInvoice', invoice.id).stored();
    });
    // #endregion
  }
}

@Controller('discarding')
class DiscardingController {
  private readonly orders = {
    save: (order: CreateOrder) => this.dataSource.manager.save(Order, order),
    reserve: async (order: CreateOrder) => failIfAsked(order),
  };

  constructor(
    private readonly tasks: BackgroundTasks,
    private readonly mailer: Mailer,
    private readonly dataSource: DataSource,
  ) {}

  @Post('orders-in-vain')
  async create(@Body() order: CreateOrder) {
    // #region discard
    try {
      await this.orders.save(order);
      this.tasks.addTask(this.mailer, 'sendConfirmation', order.id);
      await this.orders.reserve(order);
    } catch {
      this.tasks.discard();
      return { status: 'rejected' };
    }
    // #endregion
    return order;
  }
}

describe.runIf(url)('the examples of docs/transactions.md', { timeout: 60_000 }, () => {
  const admin = new DataSource({ type: 'postgres', url: url! });

  beforeAll(async () => {
    await admin.initialize();
    await admin.query(`CREATE SCHEMA IF NOT EXISTS "${prefix}"`);
    await admin.query(`CREATE TABLE "${prefix}".orders (id integer PRIMARY KEY)`);
  });
  afterAll(() => admin.destroy());
  beforeEach(async () => {
    confirmed = [];
    found = [];
    await admin.query(`TRUNCATE "${prefix}".orders`);
  });

  const start = () =>
    startApp({
      imports: [
        DatabaseModule,
        BullMqTasksModule.forRoot({ connection: url!, prefix }),
        ClsModule.forRoot({
          global: true,
          middleware: { mount: true },
          plugins: [
            new ClsPluginTransactional({
              adapter: new TransactionalAdapterTypeOrm({ dataSourceToken: DataSource }),
            }),
          ],
        }),
      ],
      controllers: [
        OrdersController,
        OrdersInVainController,
        ClsController,
        InterceptedController,
        DiscardingController,
      ],
      providers: [Orders, Billing],
    });

  const post = async (to: string, order: CreateOrder) => {
    const headers = { 'content-type': 'application/json' };
    return (await fetch(to, { method: 'POST', headers, body: JSON.stringify(order) })).status;
  };

  const savedIds = async () => (await admin.query<Order[]>(`SELECT id FROM "${prefix}".orders`)).map(({ id }) => id);

  test.each(['', '/cls', '/intercepted'])('%s/orders: data and task commit together', async (path) => {
    const { url: to } = await start();
    expect(await post(`${to}${path}/orders`, { id: 1 })).toBe(201);
    await vi.waitFor(() => expect(found).toEqual([1]), { timeout: 10_000 });
    expect(confirmed).toEqual([1]);
    expect(await savedIds()).toEqual([1]);
  });

  test.each([
    ['', 409],
    ['/cls', 409],
    ['/intercepted', 409],
  ])('%s/orders: when the handler fails later, neither is there', async (path, status) => {
    const { url: to, runner } = await start();
    expect(await post(`${to}${path}/orders-in-vain`, { id: 2, fails: true })).toBe(status);
    await runner.drain(10_000);
    expect(runner.stats()).toMatchObject({ pending: 0, skipped: 1, completed: 0 });
    expect(await savedIds()).toEqual([]);
    expect(confirmed).toEqual([]);
  });

  test('a commit that fails after the handler answers 500, and no task runs', async () => {
    await admin.query(`CREATE TABLE "${prefix}".stock (id integer PRIMARY KEY)`);
    await admin.query(
      `ALTER TABLE "${prefix}".orders ADD CONSTRAINT in_stock FOREIGN KEY (id) REFERENCES "${prefix}".stock
       DEFERRABLE INITIALLY DEFERRED`,
    );
    try {
      const { url: to, runner } = await start();
      for (const path of ['', '/cls', '/intercepted']) {
        expect(await post(`${to}${path}/orders`, { id: 3 })).toBe(500);
      }
      await runner.drain(10_000);
      expect(runner.stats()).toMatchObject({ pending: 0, skipped: 3, completed: 0 });
      expect(confirmed).toEqual([]);
    } finally {
      await admin.query(`DROP TABLE "${prefix}".stock CASCADE`);
    }
  });

  test('a service outside of requests starts a task in its transaction', async () => {
    const { app } = await start();
    await app.get(Billing).bill(Object.assign(new Order(), { id: 4 }));
    await vi.waitFor(() => expect(confirmed).toEqual([4]), { timeout: 10_000 });
  });

  test('discard() drops the tasks of a handler that answers 2xx all the same', async () => {
    const { url: to, runner } = await start();
    expect(await post(`${to}/discarding/orders-in-vain`, { id: 5, fails: true })).toBe(201);
    await runner.drain(10_000);
    expect(runner.stats()).toMatchObject({ skipped: 1 });
    expect(confirmed).toEqual([]);
  });
});

test('docs/transactions.md has these examples, and no others', () => {
  const source = readFileSync(new URL(import.meta.url), 'utf8');
  const docs = readFileSync(new URL('../../docs/transactions.md', import.meta.url), 'utf8');
  const regions = Array.from(
    source.matchAll(/^( *)\/\/ #region \w+\n(.*?)^ *\/\/ #endregion$/gms),
    ([, indent, code]) => code!.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
  const blocks = Array.from(docs.matchAll(/^```ts\n(.*?)^```$/gms), ([, code]) =>
    code!.replace(/^(import .*\n)+\n/, ''),
  );
  expect(blocks).toEqual(regions);
});
