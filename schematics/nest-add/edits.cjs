// @ts-check
// Changes of source text. They leave the rest of a file as it is, with its layout and its line ends.
'use strict';

const { posix } = require('node:path');

/**
 * The source with spaces in place of what stands in comments and strings, so that a search finds only code. Every
 * character keeps its place.
 *
 * @param {string} source
 */
function codeOf(source) {
  const notCode = /\/\/[^\n\r]*|\/\*[\s\S]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`/g;
  return source.replaceAll(notCode, (text) =>
    /^['"`]/.test(text)
      ? text[0] + text.slice(1, -1).replaceAll(/[^\n\r]/g, '_') + text[0]
      : text.replaceAll(/[^\n\r]/g, ' '),
  );
}

/**
 * Where the bracket closes that opens at `start`.
 *
 * @param {string} code
 * @param {number} start
 */
function closeOf(code, start) {
  let depth = 0;
  for (let i = start; i < code.length; i++) {
    if ('([{'.includes(code[i] ?? '')) {
      depth++;
    } else if (')]}'.includes(code[i] ?? '') && --depth === 0) {
      return i;
    }
  }
  return -1;
}

/** @param {string} source @param {number} at @param {string} text */
const insert = (source, at, text) => source.slice(0, at) + text + source.slice(at);

/** @param {string} source */
const endOfLine = (source) => (source.includes('\r\n') ? '\r\n' : '\n');

/** The spaces that the line of a place begins with. @param {string} source @param {number} at */
const indentAt = (source, at) => /^[ \t]*/.exec(source.slice(source.lastIndexOf('\n', at - 1) + 1))?.[0] ?? '';

/**
 * Puts an item first into the brackets that open at `open`, on a line of its own if the others have theirs.
 *
 * @param {string} source
 * @param {number} open
 * @param {string} item
 */
function insertFirst(source, open, item) {
  const code = codeOf(source);
  const inside = source.slice(open + 1, closeOf(code, open));
  if (code.slice(open + 1, closeOf(code, open)).trim() === '') {
    const [before, after] = source[open] === '{' && inside === '' ? [' ', ' '] : ['', ''];
    return insert(source, open + 1, before + item + after);
  }
  const line = /^[ \t]*\r?\n([ \t]*)/.exec(inside);
  return line
    ? insert(source, open + 1, `${endOfLine(source)}${line[1]}${item},`)
    : insert(source, open + 1, `${source[open] === '{' ? ' ' : ''}${item},${/^\s/.test(inside) ? '' : ' '}`);
}

/** @param {string} source @param {string} name @param {string} from */
function addImport(source, name, from) {
  const first = /^import\s[^;'"]*?from\s*(['"])@nestjs\/common\1(;?)[^\n]*\n/m.exec(source);
  if (!first) {
    return undefined;
  }
  const [statement, quote, semicolon] = first;
  const line = `import { ${name} } from ${quote}${from}${quote}${semicolon}${endOfLine(source)}`;
  return insert(source, first.index + statement.length, line);
}

const CREATE =
  /(?:const|let|var)\s+(\w+)\s*(?::[^=;]+)?=\s*await\s+NestFactory\s*\.\s*create(?:ApplicationContext|Microservice)?\s*(?:<[^()]*>)?\s*\(/g;

/**
 * The class that `NestFactory.create` gets, and the files that may hold it.
 *
 * @param {string} main the source of the file `path`
 * @param {string} path
 * @returns {{ name: string, paths: string[] } | undefined}
 */
exports.findRootModule = (main, path) => {
  const [created] = codeOf(main).matchAll(CREATE);
  const name = created && /^\s*(\w+)/.exec(main.slice(created.index + created[0].length))?.[1];
  if (!name) {
    return undefined;
  }
  const from = new RegExp(`import\\s*\\{[^}]*\\b${name}\\b[^}]*\\}\\s*from\\s*['"](\\.[^'"]*)['"]`).exec(main)?.[1];
  if (!from) {
    return { name, paths: [path] };
  }
  const file = posix.join(posix.dirname(path), from.replace(/\.[jt]s$/, ''));
  return { name, paths: [`${file}.ts`, `${file}.js`, `${file}/index.ts`] };
};

/**
 * Adds `BackgroundTasksModule.forRoot()` to the imports of a module.
 *
 * @param {string} source
 * @param {string} name the name of the module's class
 * @returns {string | undefined} the source itself if it is there already; `undefined` if there is no place for it
 */
exports.addModuleImport = (source, name) => {
  const code = codeOf(source);
  if (/\bBackgroundTasksModule\b/.test(code)) {
    return source;
  }
  const theClass = new RegExp(`\\bclass\\s+${name}\\b`).exec(code);
  const decorator = theClass ? code.lastIndexOf('@Module(', theClass.index) : -1;
  if (decorator < 0) {
    return undefined;
  }
  const item = 'BackgroundTasksModule.forRoot()';
  const parenthesis = decorator + '@Module('.length - 1;
  const argument = code.slice(parenthesis + 1, closeOf(code, parenthesis));
  let changed;
  if (argument.trim() === '') {
    changed = insert(source, parenthesis + 1, `{ imports: [${item}] }`);
  } else if (argument.trimStart().startsWith('{')) {
    const open = parenthesis + 1 + argument.indexOf('{');
    const imports = propertyOf(code, open, 'imports');
    if (imports === undefined && !/['"]imports['"]\s*:/.test(source)) {
      changed = insertFirst(source, open, `imports: [${item}]`);
    } else if (imports !== undefined && code[imports] === '[') {
      changed = insertFirst(source, imports, item);
    }
  }
  return changed && addImport(changed, 'BackgroundTasksModule', 'nestjs-background-tasks');
};

/**
 * Where the value of a property begins.
 *
 * @param {string} code
 * @param {number} open where the brace of the object opens
 * @param {string} name
 */
function propertyOf(code, open, name) {
  const end = closeOf(code, open);
  for (let i = open + 1; i < end; i++) {
    if ('([{'.includes(code[i] ?? '')) {
      i = closeOf(code, i);
      continue;
    }
    const property = new RegExp(`(?<![\\w.])${name}\\s*(:\\s*)?`, 'y');
    property.lastIndex = i;
    const found = property.exec(code);
    if (found) {
      return i + found[0].length;
    }
  }
  return undefined;
}

/**
 * Adds `app.enableShutdownHooks()` after the application was created.
 *
 * @param {string} source
 * @returns {string | undefined} the source itself if it is there already; `undefined` if there is no place for it
 */
exports.addShutdownHooks = (source) => {
  const code = codeOf(source);
  if (/\.\s*enableShutdownHooks\s*\(/.test(code)) {
    return source;
  }
  const [created, another] = code.matchAll(CREATE);
  if (!created || another) {
    return undefined;
  }
  const close = closeOf(code, created.index + created[0].length - 1);
  // The rest of the statement may be `;` and a comment. If it goes on, as by `.then(…)`, this is no place.
  const rest = /^(;?)[ \t]*(?=\r?\n|$)/.exec(code.slice(close + 1));
  if (close < 0 || !rest) {
    return undefined;
  }
  const line = /^[^\r\n]*/.exec(source.slice(close + 1))?.[0] ?? '';
  const hooks = `${endOfLine(source)}${indentAt(source, created.index)}${created[1]}.enableShutdownHooks()${rest[1]}`;
  return insert(source, close + 1 + line.length, hooks);
};
