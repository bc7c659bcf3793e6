import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Starts the application in a process of its own. Gives its output and how it ended. */
export async function startServer(options = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'shutdown-'));
  const file = join(folder, 'log');
  const script = fileURLToPath(new URL('./server.mjs', import.meta.url));
  const child = fork(script, [file, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (output += data));
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal, at: performance.now() }));
  const [{ port }] = await once(child, 'message');
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  return {
    child,
    exited,
    output: () => output,
    lines() {
      const lines = readFileSync(file, { flag: 'a+', encoding: 'utf8' }).split('\n').slice(0, -1);
      rmSync(folder, { recursive: true });
      return lines;
    },
    /**
     * @param hangUpAfter ms after which the client leaves; none: never
     * @returns the status, or undefined if the response is incomplete
     */
    post(path, hangUpAfter) {
      return new Promise((resolve) => {
        const sent = request({ agent, host: '127.0.0.1', port, path, method: 'POST' }, (response) => {
          response.resume();
          response.once('end', () => resolve(response.complete ? response.statusCode : undefined));
          response.once('close', () => resolve());
        });
        sent.once('error', () => resolve());
        sent.end();
        if (hangUpAfter !== undefined) {
          setTimeout(() => sent.destroy(), hangUpAfter);
        }
      });
    },
    close: () => agent.destroy(),
  };
}
