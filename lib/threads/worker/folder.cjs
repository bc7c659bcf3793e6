// CommonJS, since that of a test runner which turns this package into it has no `import.meta`.
/** The folder of this file. */
exports.workerFolder = __dirname;
