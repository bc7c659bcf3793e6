import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { until } from './until.mjs';

/** Starts the application in a process of its own. */
export async function startProcess(notes, options) {
  const script = fileURLToPath(new URL('./server.mjs', import.meta.url));
  const child = fork(script, [notes.file, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    serialization: 'advanced',
  });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (output += data));
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal, at: Date.now() }));
  const started = await Promise.race([once(child, 'message'), exited]);
  if (!Array.isArray(started)) {
    throw new Error(`The application did not start: ${output}`);
  }
  const [{ port }] = started;
  const agent = new Agent({ keepAlive: true });
  let questions = 0;
  return {
    pid: child.pid,
    exited,
    output: () => output,
    get isAlive() {
      return child.exitCode === null && child.signalCode === null;
    },
    kill: () => child.kill('SIGKILL'),

    /** @returns the status and the body, or nothing if the response is incomplete */
    post(path) {
      return new Promise((resolve) => {
        const sent = request({ agent, host: '127.0.0.1', port, path, method: 'POST' }, async (response) => {
          try {
            const chunks = await response.toArray();
            resolve({ status: response.statusCode, body: JSON.parse(Buffer.concat(chunks).toString()) });
          } catch {
            resolve();
          }
        });
        sent.once('error', () => resolve());
        sent.end();
      });
    },

    /** @returns the records that the process has of these ids */
    async records(ids) {
      const question = questions++;
      return new Promise((resolve) => {
        const answered = (answer) => {
          if (answer.question === question) {
            child.off('message', answered);
            resolve(answer.records);
          }
        };
        child.on('message', answered);
        child.send({ question, ids });
      });
    },

    /** @returns whether it ended within 15 s of SIGTERM */
    async end() {
      agent.destroy();
      child.kill('SIGTERM');
      const hasEnded = await until(() => !this.isAlive, 15_000);
      child.kill('SIGKILL');
      await exited;
      return hasEnded;
    },
  };
}
