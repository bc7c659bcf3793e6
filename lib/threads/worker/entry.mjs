// @ts-check
// JavaScript, because a thread has to load this before it can load TypeScript.
import { workerData } from 'node:worker_threads';

/**
 * @typedef {import('../wire/protocol.ts').ThreadRequest} ThreadRequest
 * @typedef {import('../wire/protocol.ts').ThreadResponse} ThreadResponse
 */

const isTypeScript = (/** @type {string} */ url) => /\.[cm]?tsx?$/.test(url);

/** @type {typeof import('./run-task.ts').run | undefined} */
let runTask;
let isTypeScriptReady = false;

/**
 * What Piscina calls in a thread.
 *
 * @param {ThreadRequest} request
 * @returns {ThreadResponse | Promise<ThreadResponse>}
 */
export default function run(request) {
  const [, , , module] = request;
  return runTask && (isTypeScriptReady || !isTypeScript(module)) ? runTask(request) : getReady(request);
}

/**
 * @param {ThreadRequest} request
 * @returns {Promise<ThreadResponse>}
 */
async function getReady(request) {
  const [, , , module] = request;
  if (!isTypeScriptReady && (isTypeScript(module) || isTypeScript(workerData.runner))) {
    await registerTsx();
    isTypeScriptReady = true;
  }
  ({ run: runTask } = await import(workerData.runner));
  return run(request);
}

/**
 * A loader that was given to the process with `--import` doesn't reach its threads, so tsx is registered in each, before
 * the first import of a module, since a load that failed is remembered. Without tsx, Node is left to do what it can: from
 * 22.18 on, it strips types itself.
 */
async function registerTsx() {
  try {
    const [cjs, esm] = await Promise.all([import('tsx/cjs/api'), import('tsx/esm/api')]);
    cjs.register();
    esm.register();
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ERR_MODULE_NOT_FOUND') {
      throw error;
    }
  }
}
