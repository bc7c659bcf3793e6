// CommonJS, because only there a file knows its path under every test runner.
const { constants, runInThisContext } = require('node:vm');

/**
 * Imports PGlite in Node's own context. Jest runs code in contexts of its own, where `import()` fails unless Node has the
 * option --experimental-vm-modules. PGlite imports files while it starts, and its error there would end the whole process.
 */
exports.importOutsideJest = () =>
  runInThisContext("import('@electric-sql/pglite')", {
    filename: __filename,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
