import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { until } from './until.mjs';

/**
 * Starts a Redis or Postgres of its own, on a free port. It keeps its data while it is stopped.
 *
 * @param name redis or postgres
 */
export async function startStore(name) {
  if (!(name in kinds)) {
    throw new Error(`No server is called ${name}: there are ${Object.keys(kinds).join(' and ')}`);
  }
  const folder = mkdtempSync(join(tmpdir(), `${name}-`));
  const port = await freePort();
  const { url, command, args, owner, answers, signals } = kinds[name](folder, port);
  let server;
  process.once('exit', () => {
    server?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  const store = {
    url,
    get pid() {
      return server.pid;
    },
    async start() {
      server = spawn(command, args, { ...owner, stdio: 'ignore' });
      const isThere = await until(async () => server.exitCode !== null || (await answers()), 60_000);
      if (!isThere || server.exitCode !== null) {
        throw new Error(`${name} did not start, exit code ${server.exitCode}`);
      }
    },
    /** @param how `orderly`, as an administrator stops it, or `crash`, without a chance to write anything */
    async stop(how = 'orderly') {
      const exited = once(server, 'exit');
      server.kill(signals[how]);
      await exited;
    },
    /** It answers nobody until `thaw`, and keeps its connections. */
    freeze() {
      signalAll(server.pid, 'SIGSTOP');
    },
    thaw() {
      signalAll(server.pid, 'SIGCONT');
    },
  };
  await store.start();
  return store;
}

const kinds = {
  redis(folder, port) {
    const url = `redis://127.0.0.1:${port}`;
    return {
      url,
      command: 'redis-server',
      args: settings({
        port,
        bind: '127.0.0.1',
        dir: folder,
        save: '',
        appendonly: 'yes',
        appendfsync: 'everysec',
      }),
      async answers() {
        const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
        // The call below rejects with the same error.
        client.on('error', () => undefined);
        return isAnswered(
          () => client.connect(),
          () => client.disconnect(),
        );
      },
      signals: { orderly: 'SIGTERM', crash: 'SIGKILL' },
    };
  },

  postgres(folder, port) {
    const root = '/usr/lib/postgresql';
    const [newest] = readdirSync(root).toSorted((a, b) => Number(b) - Number(a));
    const program = (file) => join(root, newest, 'bin', file);
    // Postgres refuses to run as root.
    const owner = process.getuid() === 0 ? userNamed('postgres') : {};
    if (owner.uid) {
      chownSync(folder, owner.uid, owner.gid);
    }
    const data = join(folder, 'data');
    execFileSync(program('initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust'], { ...owner, stdio: 'ignore' });
    const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
    return {
      url,
      command: program('postgres'),
      args: ['-D', data, '-p', `${port}`, '-h', '127.0.0.1', '-k', folder],
      owner,
      async answers() {
        const client = new Client({ connectionString: url });
        client.on('error', () => undefined);
        return isAnswered(
          () => client.connect(),
          () => client.end(),
        );
      },
      // SIGQUIT ends all processes of Postgres. If only the first were killed, the others would go on.
      signals: { orderly: 'SIGINT', crash: 'SIGQUIT' },
    };
  },
};

const settings = (all) => Object.entries(all).flatMap(([name, value]) => [`--${name}`, `${value}`]);

/** Postgres is a process for each connection. */
function signalAll(pid, signal) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
  for (const each of [pid, ...children.map(Number)]) {
    try {
      process.kill(each, signal);
    } catch (error) {
      // A connection that has ended in the meantime.
      if (error.code !== 'ESRCH') {
        throw error;
      }
    }
  }
}

async function isAnswered(connect, disconnect) {
  try {
    await connect();
    return true;
  } catch {
    return false;
  } finally {
    await disconnect();
  }
}

function userNamed(name) {
  const id = (flag) => Number(execFileSync('id', [flag, name]).toString());
  return { uid: id('-u'), gid: id('-g') };
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}
