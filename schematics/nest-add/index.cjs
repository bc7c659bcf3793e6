// @ts-check
// `nest add nestjs-background-tasks`: the Nest CLI calls `nestAdd` after it has installed the package. It changes two
// places: the imports of the root module, and main.ts. It imports nothing of the CLI, which brings the tree of files.
'use strict';

const { addModuleImport, addShutdownHooks, findRootModule } = require('./edits.cjs');

/**
 * @typedef {{ read(path: string): Uint8Array | null, overwrite(path: string, content: string): void }} Tree
 * @typedef {{ logger: { info(message: string): void, warn(message: string): void } }} Context
 */

const MODULE_BY_HAND = `In your root module:

  import { BackgroundTasksModule } from 'nestjs-background-tasks';

  @Module({ imports: [BackgroundTasksModule.forRoot()] })
`;

const HOOKS_BY_HAND = `After NestFactory.create:

  app.enableShutdownHooks(); // at a deploy, accepted tasks run first
`;

/** @param {Tree} tree @param {string} path */
function read(tree, path) {
  const content = tree.read(path);
  return content ? Buffer.from(content).toString('utf8') : undefined;
}

/** The file in which the application starts, as nest-cli.json says. @param {Tree} tree @param {string} sourceRoot */
function mainOf(tree, sourceRoot) {
  const { entryFile = 'main', sourceRoot: root, projects = {} } = JSON.parse(read(tree, 'nest-cli.json') ?? '{}');
  const project = Object.values(projects).find((it) => it.sourceRoot === sourceRoot);
  const names = [project?.entryFile, root === sourceRoot ? entryFile : undefined, 'main'];
  return names
    .flatMap((name) => (name ? [`${sourceRoot}/${name}.ts`, `${sourceRoot}/${name}.js`] : []))
    .find((path) => tree.read(path) !== null);
}

/**
 * Makes one change of a file, and says what it did.
 *
 * @param {Tree} tree
 * @param {Context} context
 * @param {string} path
 * @param {{ what: string, byHand: string, edit: (source: string) => string | undefined }} change `edit` returns
 *   `undefined` if it can't find the place
 */
function change(tree, { logger }, path, { what, byHand, edit }) {
  const source = /** @type {string} */ (read(tree, path));
  const changed = edit(source);
  if (changed === undefined) {
    logger.warn(`${path}: the place for this was not found, so please add it by hand. ${byHand}`);
  } else if (changed === source) {
    logger.info(`${path}: ${what} is there already.`);
  } else {
    tree.overwrite(path, changed);
    logger.info(`${path}: added ${what}.`);
  }
}

/** @param {{ sourceRoot?: string }} options */
exports.nestAdd =
  ({ sourceRoot = 'src' }) =>
  (/** @type {Tree} */ tree, /** @type {Context} */ context) => {
    const main = mainOf(tree, sourceRoot);
    if (main === undefined) {
      context.logger.warn(
        `${sourceRoot}/main.ts was not found, so please do this by hand. ${MODULE_BY_HAND}\n${HOOKS_BY_HAND}`,
      );
      return tree;
    }
    const root = findRootModule(/** @type {string} */ (read(tree, main)), main);
    const path = root?.paths.find((it) => tree.read(it) !== null);
    if (root && path) {
      change(tree, context, path, {
        what: 'BackgroundTasksModule.forRoot()',
        byHand: MODULE_BY_HAND,
        edit: (source) => addModuleImport(source, root.name),
      });
    } else {
      context.logger.warn(`The root module was not found in ${main}, so please add this by hand. ${MODULE_BY_HAND}`);
    }
    change(tree, context, main, { what: 'enableShutdownHooks()', byHand: HOOKS_BY_HAND, edit: addShutdownHooks });
    return tree;
  };
