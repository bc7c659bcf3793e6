// JavaScript, because a thread has to load this before it can load TypeScript.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { workerData } from 'node:worker_threads';

const isTypeScript = (/** @type {string} */ url) => /\.[cm]?tsx?$/.test(url);

/** @type {Promise<typeof import('./thread-runner.ts')> | undefined} */
let runner;
let isTypeScriptReady = false;

/**
 * What Piscina calls in a thread.
 *
 * @param {import('./thread-messages.ts').ThreadRequest} request
 * @returns {Promise<import('./thread-messages.ts').ThreadResponse>}
 */
export default async function run(request) {
  if (!isTypeScriptReady && (isTypeScript(request.module) || isTypeScript(workerData.runner))) {
    isTypeScriptReady = true;
    await loadTypeScriptBy(request.module);
  }
  runner ??= import(workerData.runner);
  return (await runner).run(request);
}

/**
 * A loader that was given to the process with `--import` doesn't reach its threads; tsx has to be registered in each,
 * before the first import of a module, since a load that failed is remembered. Without tsx, Node is left to do what it
 * can: from 22.18 on, it strips types itself.
 *
 * @param {string} module where the application's packages are found from
 */
async function loadTypeScriptBy(module) {
  const loaders = process.execArgv.flatMap((arg) => /file:\S*\/tsx\/\S+/.exec(arg) ?? []);
  for (const from of [module, pathToFileURL(`${process.cwd()}/`).href, ...loaders]) {
    const { resolve } = createRequire(from);
    try {
      for (const api of ['tsx/cjs/api', 'tsx/esm/api']) {
        (await import(pathToFileURL(resolve(api)).href)).register();
      }
      return;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'MODULE_NOT_FOUND') {
        throw error;
      }
    }
  }
}
