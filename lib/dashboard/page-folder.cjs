// CommonJS, because `import.meta` does not exist in the CommonJS build. A bundle of ESM has no `__dirname`.
const { existsSync } = require('node:fs');
const path = require('node:path');

const here = typeof __dirname === 'string' ? __dirname : 'a bundle';
const beside = path.join(here, 'page');

/** The folder of the page's files. There is one for both builds: the CommonJS build is in a folder of the ESM build. */
exports.pageFolder = existsSync(beside) ? beside : path.join(here, '../../dashboard/page');
