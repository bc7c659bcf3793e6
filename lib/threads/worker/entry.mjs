// @ts-check
// JavaScript, because a thread has to load this file before it can load TypeScript.
import { parentPort, threadId, workerData } from 'node:worker_threads';

/**
 * @typedef {import('../wire/protocol.ts').ThreadRequest} ThreadRequest
 * @typedef {import('../wire/protocol.ts').ThreadResponse} ThreadResponse
 * @typedef {import('../wire/protocol.ts').ThreadUp} ThreadUp
 */

/** @type {ThreadUp} */
const threadUp = { threadUp: threadId };
parentPort?.postMessage(threadUp);

/** Handed over, because the CommonJS build of `run-task.ts` turns its own `import()` into `require()`, which knows no URLs. */
const importModule = (/** @type {string} */ url) => import(url);

const isTypeScript = (/** @type {string} */ url) => /\.[cm]?tsx?$/.test(url);

/** @type {typeof import('./run-task.ts').run | undefined} */
let runTask;
let isTypeScriptReady = false;

/**
 * Piscina calls this in a thread, once for each request.
 *
 * @param {ThreadRequest} request
 * @returns {ThreadResponse | Promise<ThreadResponse>}
 */
export default function run(request) {
  const [module] = request;
  return runTask && (isTypeScriptReady || !isTypeScript(module))
    ? runTask(request, importModule)
    : prepareAndRun(request);
}

/**
 * @param {ThreadRequest} request
 * @returns {Promise<ThreadResponse>}
 */
async function prepareAndRun(request) {
  const [module] = request;
  if (!isTypeScriptReady && (isTypeScript(module) || isTypeScript(workerData.runner))) {
    await registerTsx();
    isTypeScriptReady = true;
  }
  ({ run: runTask } = await import(workerData.runner));
  return run(request);
}

/**
 * Registers tsx in this thread, because a loader that the process got by `--import` does not reach its threads. It must
 * happen before the first import of a TypeScript module: Node remembers an import that failed. Without tsx, Node 22.18 and
 * later strips types by itself.
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
