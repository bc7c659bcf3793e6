import { ChildProcess, spawn } from 'child_process';
import { once } from 'events';
import { createServer, type AddressInfo } from 'net';
import { join } from 'path';
import { setTimeout as sleep } from 'timers/promises';
import { Mailbox } from './mailbox';
import { createSchema } from './schema';

const CLIENTS = 10;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describe('the built application, when it gets SIGTERM under load', () => {
  const mailbox = new Mailbox();
  let schema: Awaited<ReturnType<typeof createSchema>>;
  let app: ChildProcess;
  let exited: Promise<unknown[]>;
  let url: string;
  let log = '';

  beforeAll(async () => {
    schema = await createSchema();
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const env = {
      ...process.env,
      NODE_ENV: 'production',
      PORT: String(port),
      SMTP_URL: await mailbox.open(),
      DATABASE_SCHEMA: schema.name,
    };
    app = spawn(process.execPath, [join(__dirname, '../dist/main.js')], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    app.stdout!.on('data', (chunk) => (log += chunk));
    app.stderr!.on('data', (chunk) => (log += chunk));
    exited = once(app, 'exit');
    while (!log.includes('successfully started')) {
      expect({ exitCode: app.exitCode, log }).toMatchObject({ exitCode: null });
      await sleep(20);
    }
  }, 60_000);

  afterAll(async () => {
    app.kill('SIGKILL');
    await mailbox.close();
    await schema.remove();
  });

  it('sends each mail of each request that it has accepted, once', async () => {
    const release = mailbox.hold();
    const accepted: string[] = [];
    const others: unknown[] = [];

    const isRunning = () => app.exitCode === null && app.signalCode === null;

    /** Registers one user after the other, until there is no server. */
    async function client(name: string): Promise<void> {
      for (let i = 0; ; i++) {
        const email = `${name}-${i}@example.com`;
        const body = JSON.stringify({ email, password: 'correct horse' });
        const headers = { 'Content-Type': 'application/json' };
        try {
          const { status } = await fetch(`${url}/auth/register`, { method: 'POST', headers, body });
          if (status === 201) {
            accepted.push(email);
          } else {
            others.push(status);
          }
        } catch {
          return;
        }
      }
    }

    const clients = Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(`client-${index}`)));
    while (accepted.length < 10 * CLIENTS && isRunning()) {
      await sleep(10);
    }
    expect(mailbox.mails).toEqual([]);
    app.kill('SIGTERM');
    // A request that is refused shows that the application closes, and no mail has left yet.
    while (others.length === 0 && isRunning()) {
      await sleep(10);
    }
    expect(mailbox.mails).toEqual([]);
    release();

    expect({ exit: await exited, log }).toMatchObject({ exit: [null, 'SIGTERM'] });
    await clients;
    expect(new Set(others)).toEqual(new Set([503]));
    const sent = mailbox.mails.map(({ to }) => to);
    expect(accepted.filter((email) => !sent.includes(email))).toEqual([]);
    expect(sent).toHaveLength(new Set(sent).size);
  }, 120_000);
});
