import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';

/** Starts the application in a process of its own. */
export async function startServer(connection, file) {
  const script = fileURLToPath(new URL('./server.mjs', import.meta.url));
  const child = fork(script, [connection, file], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (output += data));
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal, at: performance.now() }));
  const started = await Promise.race([once(child, 'message').then(([message]) => message), exited]);
  if (!started.port) {
    throw new Error(`The application did not start: ${output}`);
  }
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  return {
    child,
    exited,
    startedIn: started.startedIn,
    output: () => output,
    lines: () => linesOf(file),
    async ask(question) {
      child.send(question);
      const [answer] = await once(child, 'message');
      return answer;
    },
    /** @returns the status, or undefined if the response is incomplete */
    post(path) {
      return new Promise((resolve) => {
        const sent = request({ agent, host: '127.0.0.1', port: started.port, path, method: 'POST' }, (response) => {
          response.resume();
          response.once('end', () => resolve(response.complete ? response.statusCode : undefined));
          response.once('close', () => resolve());
        });
        sent.once('error', () => resolve());
        sent.end();
      });
    },
    close: () => agent.destroy(),
  };
}

function linesOf(file) {
  return readFileSync(file, { flag: 'a+', encoding: 'utf8' }).split('\n').slice(0, -1);
}
