import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { start } from './child.mjs';

/** The warning of Node 22.12 when CommonJS requires ESM. */
const requireWarning =
  /^\(node:\d+\) ExperimentalWarning: CommonJS module .+ is loading ES Module .+ using require\(\)\.\n.+\n.+--trace-warnings.+\n/gm;

/**
 * Serves an application in both scopes, sends the requests of exchanges.json, and compares the steps with those in the file.
 * Rejects with the output of the application if anything differs.
 *
 * @returns {Promise<string>} a remark for the output; empty if there is none
 */
export async function serveCell(cell, { app, ...where }) {
  const expected = JSON.parse(await readFile(join(app, 'app/exchanges.json'), 'utf8'));
  const warns = cell.system === 'commonjs' && cell.node.version.startsWith('22.12.');
  for (const scope of ['REQUEST', 'DEFAULT']) {
    const server = start(cell.node.path, [`dist/${cell.system}/main.js`, cell.platform, scope], { cwd: app, ...where });
    try {
      await compare(server, { ...cell, scope }, expected, where.signal);
      const rest = server.written.stderr.replaceAll(requireWarning, '');
      assert.equal(rest, '', 'written to stderr');
      assert.equal(rest !== server.written.stderr, warns, 'whether Node warns of require(esm)');
    } catch (error) {
      const { message } = where.signal.aborted ? where.signal.reason : error;
      throw new Error(`Scope.${scope}: ${message}\n\n${server.written.both}`, { cause: error });
    } finally {
      server.kill();
      await server.ended;
    }
  }
  return warns ? 'Node warns of require(esm)' : '';
}

async function compare({ child, ended }, { platform, scope, system, node }, { exchanges, closing }, signal) {
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextStep = async () => {
    const { value, done } = await lines.next();
    return done ? undefined : JSON.parse(value);
  };
  const expectSteps = async (steps) => {
    for (const step of steps) {
      assert.deepEqual(await nextStep(), step);
    }
  };

  const { port, ...listening } = (await nextStep()) ?? {};
  assert.deepEqual(listening, { step: 'listening', platform, scope, modules: system, node: `v${node.version}` });
  for (const { request, status, answer, steps } of exchanges) {
    const [method, path] = request.split(' ');
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, signal });
    const body = await response.text();
    assert.equal(response.status, status, `${request}: ${body}`);
    if (answer) {
      assert.deepEqual(JSON.parse(body), answer, request);
    }
    await expectSteps(steps);
  }
  // The task of the last exchange runs until the application is told to close.
  child.kill('SIGTERM');
  await expectSteps([...closing, undefined]);
  assert.deepEqual(await ended, { code: null, signal: 'SIGTERM' }, 'how it ended');
}
