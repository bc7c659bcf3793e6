// An end-to-end suite as public boilerplates have it: it reads the mailbox right after each answer.
import { randomUUID } from 'node:crypto';
import { Body, Controller, ForbiddenException, HttpCode, Injectable, Module, Post } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import request from 'supertest';
import { expect, onTestFinished, test } from 'vitest';
import { BackgroundTasks, BackgroundTasksModule, Task, Tasks } from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { TestTasksModule } from 'nestjs-background-tasks/testing';

interface Mail {
  readonly to: string;
  readonly hash: string;
}

@Injectable()
class Mailer {
  readonly mailbox: Mail[] = [];

  async sendConfirmation(mail: Mail) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    this.mailbox.push(mail);
  }

  @Task({ queue: 'mails', attempts: 3, backoff: { type: 'fixed', delay: 60_000 } })
  async sendReset(mail: Mail) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    this.mailbox.push(mail);
  }
}

interface User {
  readonly email: string;
  password: string;
  hash?: string | undefined;
  isConfirmed?: boolean;
}

@Controller('auth')
class AuthController {
  readonly #users: User[] = [];

  constructor(private readonly mailer: Mailer) {}

  @Post('register')
  register(@Body() { email, password }: User, @Tasks() tasks: BackgroundTasks) {
    const hash = randomUUID();
    this.#users.push({ email, password, hash });
    tasks.addTask(this.mailer, 'sendConfirmation', { to: email, hash });
  }

  @Post('confirm')
  @HttpCode(204)
  confirm(@Body() { hash }: { hash: string }) {
    this.#take(hash).isConfirmed = true;
  }

  @Post('forgot')
  @HttpCode(202)
  forgot(@Body() { email }: User, @Tasks() tasks: BackgroundTasks) {
    const user = this.#users.find((it) => it.email === email)!;
    user.hash = randomUUID();
    tasks.addTask(this.mailer, 'sendReset', { to: email, hash: user.hash });
  }

  @Post('reset')
  @HttpCode(204)
  reset(@Body() { hash, password }: { hash: string; password: string }) {
    this.#take(hash).password = password;
  }

  @Post('login')
  @HttpCode(200)
  login(@Body() { email, password }: User) {
    if (!this.#users.some((it) => it.email === email && it.password === password && it.isConfirmed)) {
      throw new ForbiddenException();
    }
  }

  #take(hash: string): User {
    const user = this.#users.find((it) => it.hash === hash);
    if (!user) {
      throw new ForbiddenException();
    }
    user.hash = undefined;
    return user;
  }
}

@Module({
  imports: [BackgroundTasksModule.forRoot(), BullMqTasksModule.forRoot({ connection: 'postgres://127.0.0.1:1/none' })],
  controllers: [AuthController],
  providers: [Mailer],
})
class AppModule {}

test('a suite that reads the mailbox right after the answer passes in the mode inline', async () => {
  const moduleRef = await Test.createTestingModule({
    imports: [AppModule, TestTasksModule.forRoot({ mode: 'inline' })],
  }).compile();
  const app = await moduleRef.createNestApplication().init();
  onTestFinished(() => app.close());
  const http = request(app.getHttpServer());
  const { mailbox } = moduleRef.get(Mailer);
  const email = 'ada@example.com';

  await http.post('/auth/register').send({ email, password: 'first' }).expect(201);
  await http.post('/auth/login').send({ email, password: 'first' }).expect(403);
  const [confirmation] = mailbox;
  await http.post('/auth/confirm').send({ hash: confirmation!.hash }).expect(204);
  await http.post('/auth/login').send({ email, password: 'first' }).expect(200);

  await http.post('/auth/forgot').send({ email }).expect(202);
  const [, reset] = mailbox;
  await http.post('/auth/reset').send({ hash: reset!.hash, password: 'second' }).expect(204);
  await http.post('/auth/login').send({ email, password: 'first' }).expect(403);
  await http.post('/auth/login').send({ email, password: 'second' }).expect(200);
  expect(mailbox.map(({ to }) => to)).toEqual([email, email]);
});
