import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const children = new Set();

/** Starts a program that ends with this process, however this process ends. */
export function startProgram(command, args, options) {
  return keep(spawn(command, args, options));
}

/**
 * Starts a script of this folder that calls `answer()`.
 *
 * @param spec what the script is to be; it reads it with `spec()`
 */
export async function startScript(script, spec, execArgv = []) {
  const child = keep(
    fork(fileURLToPath(new URL(script, import.meta.url)), [JSON.stringify(spec)], {
      execArgv,
      env: { ...process.env, NODE_ENV: 'production' },
    }),
  );
  const next = async () => {
    const exited = new AbortController();
    try {
      return await Promise.race([
        once(child, 'message', { signal: exited.signal }).then(([message]) => message),
        once(child, 'exit', { signal: exited.signal }).then(([code, signal]) => {
          throw new Error(`${script} ended with ${signal ?? code}: ${JSON.stringify(spec)}`);
        }),
      ]);
    } finally {
      exited.abort();
    }
  };
  const started = await next();
  return {
    started,
    /** @returns what the script answers to a question */
    ask: async (question, argument) => {
      const answer = next();
      child.send({ question, argument });
      return answer;
    },
    stop: () => stop(child),
  };
}

function keep(child) {
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

/** Resolves when the process has ended. */
export async function stop(child) {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

process.once('exit', () => {
  for (const child of children) {
    child.kill('SIGKILL');
  }
});
// A signal would end this process without the event above.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => process.exit(1));
}
