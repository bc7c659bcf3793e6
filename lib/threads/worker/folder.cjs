// CommonJS, because `import.meta` does not exist where a test runner turns this package into CommonJS.
/** The folder of this file. */
exports.workerFolder = __dirname;
