import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { type Block, root } from './pages.ts';

/** The packages whose exports a fragment can use without an import. The first one that exports a name is taken. */
const PACKAGES = [
  'nestjs-background-tasks',
  'nestjs-background-tasks/bullmq',
  'nestjs-background-tasks/dashboard',
  'nestjs-background-tasks/testing',
  'nestjs-background-tasks/otel',
  '@nestjs/common',
  '@nestjs/core',
  '@nestjs/config',
  '@nestjs/schedule',
  '@nestjs/testing',
  '@nestjs-cls/transactional',
  'typeorm',
  'rxjs',
  'vitest',
];

/** Where the blocks are for the compiler: beside the libraries of transactions, which are installed there. */
const FOLDER = join(root, 'test/transactions/documentation');

/** A file that imports all packages. */
const PACKAGES_FILE = join(FOLDER, 'packages.ts');

/** The files that declare what examples use and don't define. */
const AMBIENT = join(root, 'test/documentation/ambient');

/** The files that `nest new` writes and the quick start keeps. */
const NEW_APPLICATION = join(root, 'test/fixtures/new-application');

/** The pages with the quick start. */
const QUICK_STARTS = ['README', 'docs/start'];

/** The diagnostics of the compiler that say that a name is unknown. */
const UNKNOWN_NAMES = new Set([2304, 2552, 2503, 2580, 2582, 2593]);

const config = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config as { compilerOptions: object };
const { options } = ts.convertCompilerOptionsFromJson(
  {
    ...config.compilerOptions,
    moduleDetection: 'force',
    // As `nest new` sets it.
    noUncheckedIndexedAccess: false,
    noImplicitOverride: false,
    isolatedModules: false,
    declaration: false,
    rewriteRelativeImportExtensions: false,
  },
  root,
);

/** A block as a file that the compiler reads. */
interface Source {
  readonly block: Block;
  readonly file: string;
  /** The code, in what it is part of. It has the lines of the block. */
  readonly text: string;
  readonly isFragment: boolean;
}

/** Compiles blocks of TypeScript, and returns what the compiler says, each with the page and the line. */
export function compile(blocks: readonly Block[]): string[] {
  const sources = blocks.map(toSource);
  const fragments = sources.filter(({ isFragment }) => isFragment);
  const unknown = new Map<string, Set<string>>();
  const first = diagnose(fragments, new Map());
  const homes = homesOf(first.program);
  for (const { code, file, start = 0, length = 0 } of first.diagnostics) {
    const name = file?.text.slice(start, start + length);
    if (file && name && UNKNOWN_NAMES.has(code) && homes.has(name)) {
      unknown.set(file.fileName, (unknown.get(file.fileName) ?? new Set()).add(name));
    }
  }
  const imports = new Map(
    Array.from(unknown, ([file, names]) => [
      file,
      Array.from(names, (name) => `import { ${name} } from '${homes.get(name)}'; `).join(''),
    ]),
  );
  const byFile = new Map(sources.map((source) => [source.file, source]));
  return diagnose(sources, imports).diagnostics.map(({ file, start, messageText }) => {
    const source = byFile.get(file?.fileName ?? '');
    const message = ts.flattenDiagnosticMessageText(messageText, '\n');
    const line = file ? file.getLineAndCharacterOfPosition(start ?? 0).line : 0;
    return source ? `${source.block.page}:${source.block.line + line}: ${message}` : `${file?.fileName}: ${message}`;
  });
}

/** Decides what the code of a block is: a module, or statements or members of a class or of an object. */
function toSource(block: Block, index: number): Source {
  const { code, page, path } = block;
  const folder = join(FOLDER, page.replace(/\.md$/, ''));
  const isFragment = !/^(import|export \*) /m.test(code);
  const source = (text: string): Source => ({
    block,
    file: join(folder, path ?? `example-${index}.ts`),
    text,
    isFragment,
  });
  const asModule = parse(code);
  if (asModule.errors === 0 && !leavesTopLevel(asModule.file)) {
    return source(code);
  }
  const [imports = ''] = /^(import [^;]+;\n+)*/.exec(code) ?? [];
  const rest = code.slice(imports.length);
  const texts = [
    `${imports}class Example extends Application { async example() { ${rest}\n} }`,
    `${imports}class Example extends Application { ${rest}\n}`,
    `${imports}({ ${rest}\n}) satisfies ApplicationOptions;`,
  ];
  return source(texts.find((text) => parse(text).errors === 0) ?? code);
}

function parse(code: string): { file: ts.SourceFile; errors: number } {
  const file = ts.createSourceFile('block.ts', code, ts.ScriptTarget.ES2023, true);
  const { parseDiagnostics } = file as unknown as { parseDiagnostics: readonly unknown[] };
  return { file, errors: parseDiagnostics.length };
}

/** Whether the code uses `this` or `return` outside of functions and classes. */
function leavesTopLevel(node: ts.Node): boolean {
  return (
    ts.forEachChild(node, (child) => {
      if (child.kind === ts.SyntaxKind.ThisKeyword || ts.isReturnStatement(child)) {
        return true;
      }
      const isOwn = ts.isClassLike(child) || (ts.isFunctionLike(child) && !ts.isArrowFunction(child));
      return isOwn ? undefined : leavesTopLevel(child) || undefined;
    }) ?? false
  );
}

const cache = new Map<string, ts.SourceFile | undefined>();

function diagnose(sources: readonly Source[], imports: ReadonlyMap<string, string>) {
  const host = ts.createCompilerHost(options);
  const virtual = new Map(sources.map(({ file, text }) => [file, `${imports.get(file) ?? ''}${text}`]));
  for (const name of readdirSync(AMBIENT)) {
    virtual.set(join(FOLDER, `ambient/${name}`), readFileSync(join(AMBIENT, name), 'utf8'));
  }
  for (const name of readdirSync(join(NEW_APPLICATION, 'src'))) {
    const text = readFileSync(join(NEW_APPLICATION, 'src', name), 'utf8');
    for (const page of QUICK_STARTS) {
      virtual.set(join(FOLDER, page, 'src', name), text);
    }
  }
  virtual.set(PACKAGES_FILE, PACKAGES.map((name, i) => `export * as p${i} from '${name}';`).join('\n'));
  const folders = new Set([...virtual.keys()].map((file) => dirname(file)));
  const { readFile, fileExists, directoryExists, getSourceFile } = host;
  host.readFile = (file) => virtual.get(file) ?? readFile(file);
  host.fileExists = (file) => virtual.has(file) || fileExists(file);
  host.directoryExists = (folder) => folders.has(folder) || (directoryExists?.(folder) ?? true);
  host.getSourceFile = (file, languageVersion, ...rest) => {
    const code = virtual.get(file);
    if (code !== undefined) {
      return ts.createSourceFile(file, code, languageVersion, true);
    }
    if (!cache.has(file)) {
      cache.set(file, getSourceFile.call(host, file, languageVersion, ...rest));
    }
    return cache.get(file);
  };
  const names = [...virtual.keys()];
  const program = ts.createProgram(names, options, host);
  const diagnostics: ts.Diagnostic[] = [];
  for (const name of names) {
    const file = program.getSourceFile(name);
    diagnostics.push(...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file));
  }
  return { program, diagnostics };
}

/** The package that exports a name. */
function homesOf(program: ts.Program): Map<string, string> {
  const checker = program.getTypeChecker();
  const homes = new Map<string, string>();
  const file = program.getSourceFile(PACKAGES_FILE);
  for (const statement of file?.statements ?? []) {
    const { moduleSpecifier } = statement as ts.ExportDeclaration;
    const module = moduleSpecifier && checker.getSymbolAtLocation(moduleSpecifier);
    for (const { name } of module ? checker.getExportsOfModule(module) : []) {
      if (!homes.has(name)) {
        homes.set(name, (moduleSpecifier as ts.StringLiteral).text);
      }
    }
  }
  return homes;
}
