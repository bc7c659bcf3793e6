import { INestApplication, Scope } from '@nestjs/common';
import { Test, TestingModule } from '@nestjs/testing';
import { BackgroundTasks, TaskRunner } from 'nestjs-background-tasks';
import * as request from 'supertest';
import { App } from 'supertest/types';
import { AppModule } from './../src/app.module';
import { hashIn, Mailbox } from './mailbox';
import { createSchema } from './schema';

const scope = process.env.SCOPE === 'DEFAULT' ? Scope.DEFAULT : Scope.REQUEST;

describe('AppController (e2e)', () => {
  const mailbox = new Mailbox();
  let app: INestApplication<App>;
  let schema: Awaited<ReturnType<typeof createSchema>>;

  beforeAll(async () => {
    schema = await createSchema();
    process.env.DATABASE_SCHEMA = schema.name;
    process.env.SMTP_URL = await mailbox.open();
    const moduleFixture: TestingModule = await Test.createTestingModule({ imports: [AppModule] }).compile();
    app = moduleFixture.createNestApplication();
    await app.init();
  });

  afterAll(async () => {
    await app.close();
    await mailbox.close();
    await schema.remove();
  });

  const post = (path: string, body: object = {}) => request(app.getHttpServer()).post(path).send(body);
  const get = (path: string) => request(app.getHttpServer()).get(path);

  /** The mails to an address, when all tasks have run. */
  async function mailsTo(email: string) {
    await app.get(TaskRunner).drain();
    return mailbox.to(email);
  }

  async function register(email: string, password: string) {
    await post('/auth/register', { email, password }).expect(201);
    const [mail] = await mailsTo(email);
    await post('/auth/confirm', { hash: hashIn(mail) }).expect(200);
  }

  async function login(email: string, password: string) {
    const { body } = await post('/auth/login', { email, password }).expect(200);
    return { Authorization: `Bearer ${body.token}` };
  }

  it(`has tasks in the scope ${process.env.SCOPE}`, () => {
    const get = () => app.get(BackgroundTasks);
    if (scope === Scope.DEFAULT) {
      expect(get()).toBeInstanceOf(BackgroundTasks);
    } else {
      expect(get).toThrow(/scope/);
    }
  });

  it('registers a user, who confirms by the mailed hash', async () => {
    const user = { email: 'ada@example.com', password: 'correct horse' };
    const { body } = await post('/auth/register', user).expect(201);
    expect(Object.keys(body).sort()).toEqual(['createdAt', 'email', 'id', 'isConfirmed']);
    await post('/auth/login', user).expect(401);

    const mails = await mailsTo(user.email);
    expect(mails).toHaveLength(1);
    expect(mails[0].text).toContain('Subject: Welcome');
    const { body: confirmed } = await post('/auth/confirm', { hash: hashIn(mails[0]) }).expect(200);
    expect(confirmed).toEqual({ ...body, isConfirmed: true });
    await get('/profile')
      .set(await login(user.email, user.password))
      .expect(200, confirmed);
  });

  it('writes in the language of the request', async () => {
    const user = { email: 'lise@example.com', password: 'correct horse' };
    await post('/auth/register', user).set('Accept-Language', 'de').expect(201);
    const [mail] = await mailsTo(user.email);
    expect(mail.text).toContain('Subject: Willkommen');
  });

  it('sends no mail if it refuses the registration', async () => {
    const user = { email: 'grace@example.com', password: 'correct horse' };
    await post('/auth/register', { ...user, password: 'short' }).expect(400);
    expect(await mailsTo(user.email)).toHaveLength(0);
    await post('/auth/register', user).expect(201);
    await post('/auth/register', user).expect(409);
    expect(await mailsTo(user.email)).toHaveLength(1);
  });

  it('sends a mail again that the mail server has refused', async () => {
    mailbox.refusals = 2;
    await post('/auth/register', { email: 'joan@example.com', password: 'correct horse' }).expect(201);
    expect(await mailsTo('joan@example.com')).toHaveLength(1);
    expect(mailbox.refusals).toBe(0);
  });

  it('resets a password by the mailed hash', async () => {
    const email = 'alan@example.com';
    await register(email, 'correct horse');
    await post('/auth/forgot', { email }).expect(202);
    await post('/auth/forgot', { email: 'nobody@example.com' }).expect(202);

    const [, mail] = await mailsTo(email);
    expect(await mailsTo('nobody@example.com')).toHaveLength(0);
    await post('/auth/reset', { hash: hashIn(mail), password: 'battery staple' }).expect(204);
    await post('/auth/reset', { hash: hashIn(mail), password: 'once more' }).expect(404);
    await post('/auth/login', { email, password: 'correct horse' }).expect(401);
    await login(email, 'battery staple');
  });

  it('renders a document in a thread, mails it, and says how far it is', async () => {
    const email = 'mary@example.com';
    await register(email, 'correct horse');
    const token = await login(email, 'correct horse');
    const { body } = await post('/profile/export').set(token).expect(202);

    const [, { text }] = await mailsTo(email);
    const [, encoded] = /filename=profile\.pdf\r\n\r\n([A-Za-z0-9+/=\s]+)/.exec(text)!;
    const pdf = Buffer.from(encoded, 'base64').toString('latin1');
    expect(pdf).toMatch(/^%PDF/);
    expect(pdf).toContain('(worker thread)');
    const { body: task } = await get(`/tasks/${body.id}`).set(token).expect(200);
    expect(task).toMatchObject({ id: body.id, status: 'completed', attempts: 1 });
  });
});
