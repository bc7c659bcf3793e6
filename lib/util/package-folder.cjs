// CommonJS, because `import.meta` does not exist in the CommonJS build. A bundle of ESM has no `__dirname`.
/** The folder of this copy of the package. */
exports.packageFolder = typeof __dirname === 'string' ? require('node:path').dirname(__dirname) : 'a bundle';
