// The examples of docs/testing.md. Each runs as it stands there: the last test compares them.
import { readFileSync } from 'node:fs';
import { Body, Controller, Injectable, Module, Post } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import request from 'supertest';
import { expect, onTestFinished, test, vi } from 'vitest';
import { BackgroundTasks, BackgroundTasksModule, Task, TaskRegistry, TaskRunner } from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { TestTasks, TestTasksModule } from 'nestjs-background-tasks/testing';

// #region mailer
@Injectable()
class Mailer {
  static sent: string[] = [];

  @Task()
  async sendWelcome(email: string) {
    Mailer.sent.push(email);
  }
}

@Controller('users')
class UsersController {
  constructor(
    private readonly tasks: BackgroundTasks,
    private readonly mailer: Mailer,
  ) {}

  @Post()
  register(@Body() { email }: { email: string }) {
    this.tasks.addTask(this.mailer, 'sendWelcome', email);
    return { email };
  }
}

@Module({
  imports: [BackgroundTasksModule.forRoot()],
  controllers: [UsersController],
  providers: [Mailer],
})
class AppModule {}
// #endregion

// #region invoices
@Injectable()
class Invoices {
  static isDown = false;

  @Task({ queue: 'invoices', attempts: 3, backoff: { type: 'exponential', delay: 60_000 } })
  async send(id: number) {
    if (Invoices.isDown) {
      throw new Error('503 from the billing service');
    }
    return `invoice ${id}`;
  }

  @Task({ queue: 'invoices', repeat: { pattern: '0 3 * * *' } })
  async remind() {
    return 'reminded';
  }
}
// #endregion

@Module({
  imports: [AppModule, BullMqTasksModule.forRoot({ connection: 'redis://127.0.0.1:1' })],
  providers: [Invoices],
})
class InvoicesModule {}

// #region unit
test('registering adds a welcome mail', async () => {
  const unit = TestTasks.unit();
  const mailer = new Mailer();
  const controller = new UsersController(unit.tasks, mailer);

  controller.register({ email: 'ada@example.com' });

  unit.expectAdded(mailer, 'sendWelcome', 'ada@example.com');
  await unit.run();
  expect(Mailer.sent).toContain('ada@example.com');
});
// #endregion

// #region integration
test('the application adds the task, and the test runs it', async () => {
  const moduleRef = await Test.createTestingModule({
    imports: [AppModule, TestTasksModule.forRoot({ mode: 'manual' })],
  }).compile();
  const app = await moduleRef.createNestApplication().init();
  const tasks = moduleRef.get(TestTasks);

  await request(app.getHttpServer()).post('/users').send({ email: 'eve@example.com' }).expect(201);

  tasks.expectAdded(Mailer, 'sendWelcome', expect.stringContaining('@'));
  expect(Mailer.sent).not.toContain('eve@example.com');
  await tasks.run();
  expect(Mailer.sent).toContain('eve@example.com');
  await app.close();
});
// #endregion

// #region controller
test('one controller in a module', async () => {
  const moduleRef = await Test.createTestingModule({
    imports: [BackgroundTasksModule.forRoot(), TestTasksModule.forRoot({ mode: 'manual' })],
    controllers: [UsersController],
    providers: [Mailer],
  }).compile();
  const controller = await moduleRef.resolve(UsersController);

  controller.register({ email: 'cleo@example.com' });

  moduleRef.get(TestTasks).expectAdded(Mailer, 'sendWelcome', 'cleo@example.com');
});
// #endregion

// #region mock
test('the mailer is a mock', async () => {
  const mailer = { sendWelcome: vi.fn() }; // jest.fn()
  const moduleRef = await Test.createTestingModule({
    imports: [AppModule, TestTasksModule.forRoot({ mode: 'manual' })],
  })
    .overrideProvider(Mailer)
    .useValue(mailer)
    .compile();
  const app = await moduleRef.createNestApplication().init();
  const tasks = moduleRef.get(TestTasks);

  await request(app.getHttpServer()).post('/users').send({ email: 'dan@example.com' }).expect(201);

  tasks.expectAdded(mailer, 'sendWelcome', 'dan@example.com');
  await tasks.run();
  expect(mailer.sendWelcome).toHaveBeenCalledWith('dan@example.com');
  await app.close();
});
// #endregion

// #region e2e
test('the mail is there when the response is', async () => {
  const moduleRef = await Test.createTestingModule({
    imports: [AppModule, TestTasksModule.forRoot({ mode: 'inline' })],
  }).compile();
  const app = await moduleRef.createNestApplication().init();

  await request(app.getHttpServer()).post('/users').send({ email: 'bob@example.com' }).expect(201);

  expect(Mailer.sent).toContain('bob@example.com');
  await app.close();
});
// #endregion

test('durable', async () => {
  const moduleRef = await Test.createTestingModule({
    imports: [InvoicesModule, TestTasksModule.forRoot({ mode: 'manual' })],
  }).compile();
  onTestFinished(() => moduleRef.close());

  // #region durable
  const tasks = moduleRef.get(TestTasks);
  const registry = moduleRef.get(TaskRegistry);

  Invoices.isDown = true;
  const task = moduleRef.get(TaskRunner).start(Invoices, 'send', 7);
  const errors = await tasks.run({ errors: 'collect' }); // three attempts, without their backoff
  expect(errors).toMatchObject([{ message: '503 from the billing service' }]);
  expect(await registry.get(task.id)).toMatchObject({ status: 'failed', attempts: 3 });

  Invoices.isDown = false;
  await registry.retry(task.id);
  await tasks.run();
  expect(tasks.added({ name: 'Invoices.send' })).toMatchObject([{ status: 'completed', result: 'invoice 7' }]);

  expect(await tasks.runScheduled('Invoices.remind')).toMatchObject({ status: 'completed' });
  // #endregion
});

test('the message of docs/testing.md is the message', async () => {
  const unit = TestTasks.unit();
  const mailer = new Mailer();
  unit.tasks.addTask(mailer, 'sendWelcome', 'eve@example.com');
  unit.tasks.addTask(Invoices, 'send', 7);
  const docs = readFileSync(new URL('../../docs/testing.md', import.meta.url), 'utf8');
  const message = /```text\n(.*?)\n```/s.exec(docs)![1]!;
  expect(() => unit.expectAdded(mailer, 'sendWelcome', 'ada@example.com')).toThrow(message);
});

test('docs/testing.md has these examples', () => {
  const source = readFileSync(new URL(import.meta.url), 'utf8');
  const docs = readFileSync(new URL('../../docs/testing.md', import.meta.url), 'utf8');
  const regions = Array.from(
    source.matchAll(/^( *)\/\/ #region (\w+)\n(.*?)^ *\/\/ #endregion$/gms),
    ([, indent, name, code]) => ({
      name,
      code: code!.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    }),
  );
  expect(regions.map(({ name }) => name)).toEqual([
    'mailer',
    'invoices',
    'unit',
    'integration',
    'controller',
    'mock',
    'e2e',
    'durable',
  ]);
  const blocks = Array.from(docs.matchAll(/^```ts\n(.*?)^```$/gms), ([, code]) => code);
  expect(blocks).toEqual(expect.arrayContaining(regions.map(({ code }) => code)));
});
