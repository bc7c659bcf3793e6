import { spawn } from 'node:child_process';

/** The environment of this process, without the variables of npm, colours and Node that would change a cell. */
const { FORCE_COLOR: _colour, NODE_OPTIONS: _options, NODE_ENV: _kind, ...inherited } = process.env;
const env = Object.fromEntries(Object.entries(inherited).filter(([name]) => !/^npm_(?!config_)/.test(name)));

/**
 * Starts a program in a process group of its own, so that its child processes end with it.
 *
 * @param {string} file
 * @param {string[]} args
 * @param {{ cwd: string, temp: string, signal: AbortSignal }} where `temp` takes what it writes to the temp folder
 */
export function start(file, args, { cwd, temp, signal }) {
  signal.throwIfAborted();
  const child = spawn(file, args, {
    cwd,
    env: { ...env, CI: '1', NO_COLOR: '1', TMPDIR: temp },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const written = { both: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => (written.both += text));
  child.stderr.setEncoding('utf8').on('data', (text) => {
    written.both += text;
    written.stderr += text;
  });
  child.once('error', (error) => (written.both += `${error.message}\n`));
  const kill = () => {
    if (child.exitCode === null && child.signalCode === null) {
      killGroup(child);
    }
  };
  signal.addEventListener('abort', kill);
  child.once('exit', () => {
    signal.removeEventListener('abort', kill);
    killGroup(child);
  });
  const ended = new Promise((resolve) => {
    child.once('close', (code, by) => resolve({ code, signal: by }));
  });
  return { child, ended, kill, written };
}

/** Runs a program until it exits. Rejects with its output if it fails. */
export async function run(file, args, where) {
  const { ended, written } = start(file, args, where);
  const { code, signal } = await ended;
  if (code !== 0) {
    const why = where.signal.aborted ? where.signal.reason.message : `it ended with ${code ?? signal}`;
    throw new Error(`${[file, ...args].join(' ')}: ${why}\n\n${written.both}`);
  }
}

/** The child processes can outlive the program. */
function killGroup({ pid }) {
  try {
    if (pid !== undefined) {
      process.kill(-pid, 'SIGKILL');
    }
  } catch (error) {
    if (error.code !== 'ESRCH') {
      throw error;
    }
  }
}
