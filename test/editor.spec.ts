import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { INSTALL_TIMEOUT, installPackage, otherNests } from './fixtures/install-package.ts';

const older = createRequire(join(otherNests[11], 'package.json'))('typescript') as typeof ts;

/** The compilers of new applications: of Nest 12, and of Nest 11. */
const compilers = [
  {
    compiler: ts,
    nest: 12,
    options: { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
  },
  {
    compiler: older,
    nest: 11,
    options: { module: older.ModuleKind.CommonJS, moduleResolution: older.ModuleResolutionKind.Node10 },
  },
];

const declarations = `
import { type BackgroundTasks, chain, step, type TaskRunner } from 'nestjs-background-tasks';

declare const tasks: BackgroundTasks;
declare const runner: TaskRunner;
declare function send(to: string, times?: number): number;
declare function clean(): void;
declare function level(level: 'info' | 'warn', options: { a: number; b?: string }): void;
declare function pick(list: string[], by: (item: string) => boolean): void;
declare function each(visit: (item: { id: string }) => void): void;
declare class Mailer {
  readonly sender: string;
  optional?(): void;
  static stats(detailed: boolean): void;
  send(to: string, times?: number): number;
  sendLater(to: string): Promise<string>;
  level(level: 'info' | 'warn', options: { a: number; b?: string }): void;
  private secret(): void;
}
declare const mailer: Mailer;
declare const maybe: Mailer | undefined;
`;

/** A class with one method, for what depends on \`this\`. */
const inClass = (line: string) => `
class Own {
  private readonly tasks = tasks;
  title = 'own';
  build(id: string) { return id.length; }
  private secret() {}
  add() {
    ${line};
  }
}
`;

const inModule = (line: string) => `
${line};
`;

const names = `"level" | "send" | "sendLater"`;
const ownNames = `"add" | "build"`;
const task = `TaskFunction | Flow<unknown>`;
const notAssignable = (type: string, parameter: string) =>
  `Argument of type '${type}' is not assignable to parameter of type '${parameter}'.`;

/** Calls, in which « and » mark what is underlined, with the first line of the message. */
const wrongCalls: readonly (readonly [line: string, message: string])[] = [
  // a function
  ['tasks.«addTask»(send)', 'Expected 2-3 arguments, but got 1.'],
  [`tasks.addTask(send, 'a', 1, «2»)`, 'Expected 2-3 arguments, but got 4.'],
  ['tasks.addTask(send, «5»)', notAssignable('number', 'string')],
  [`tasks.addTask(send, 'a', «'b'»)`, notAssignable('string', 'number')],
  ['tasks.addTask(clean, «5»)', 'Expected 1 arguments, but got 2.'],
  ['tasks.addTask(each, (item) => item.«name»)', `Property 'name' does not exist on type '{ id: string; }'.`],
  ['tasks.addTask(pick, [«5»], (item: string) => true)', `Type 'number' is not assignable to type 'string'.`],
  [`tasks.with({ attempts: 2 }).addTask(send, «5»)`, notAssignable('number', 'string')],
  // a method
  [`tasks.«addTask»(mailer, 'send')`, 'Expected 3-4 arguments, but got 2.'],
  [`tasks.addTask(mailer, 'send', 'a', 1, «2»)`, 'Expected 3-4 arguments, but got 5.'],
  [`tasks.addTask(mailer, 'send', «5»)`, notAssignable('number', 'string')],
  [`tasks.addTask(mailer, 'level', «'loud'», { a: 1 })`, notAssignable('"loud"', '"info" | "warn"')],
  [
    `tasks.addTask(mailer, 'level', 'info', { a: 1, «c»: 2 })`,
    `Object literal may only specify known properties, and 'c' does not exist in type '{ a: number; b?: string; }'.`,
  ],
  [`tasks.addTask(mailer, «'sned'», 'a')`, notAssignable('"sned"', names)],
  [`tasks.addTask(mailer, «'sender'»)`, notAssignable('"sender"', names)],
  [`tasks.addTask(mailer, «'optional'»)`, notAssignable('"optional"', names)],
  [`tasks.addTask(mailer, «'secret'»)`, notAssignable('"secret"', names)],
  [`tasks.addTask(mailer, «send»)`, notAssignable('(to: string, times?: number) => number', names)],
  [`tasks.addTask(«mailer»)`, notAssignable('Mailer', task)],
  [
    `tasks.addTask(«maybe», 'send', 'a')`,
    notAssignable('Mailer | undefined', 'object & { readonly send: (to: string, times?: number) => number; }'),
  ],
  [`tasks.addTask({ a: 1 }, «'run'»)`, notAssignable('string', 'NoMethod')],
  // a class
  [`tasks.«addTask»(Mailer, 'send')`, 'Expected 3-4 arguments, but got 2.'],
  [`tasks.addTask(Mailer, 'send', «5»)`, notAssignable('number', 'string')],
  [`tasks.addTask(Mailer, 'stats', «5»)`, notAssignable('number', 'boolean')],
  [`tasks.addTask(Mailer, «'nope'»)`, notAssignable('"nope"', `${names} | "stats"`)],
  ['tasks.addTask(«Mailer»)', notAssignable('typeof Mailer', task)],
  // no task
  [`tasks.addTask(«send('a')»)`, notAssignable('number', task)],
  [`tasks.addTask(«mailer.sendLater('a')»)`, notAssignable('Promise<string>', task)],
  [`tasks.addTask(«clean()»)`, notAssignable('void', task)],
  [`tasks.addTask(«'send'»)`, notAssignable('string', task)],
  ['tasks.«addTask»()', 'Expected at least 1 arguments, but got 0.'],
  // the same for start and step
  [`runner.«start»(mailer, 'send')`, 'Expected 3-4 arguments, but got 2.'],
  ['runner.start(send, «5»)', notAssignable('number', 'string')],
  [`runner.with({ attempts: 2 }).start(Mailer, 'send', «5»)`, notAssignable('number', 'string')],
  [`«step»(mailer, 'send')`, 'Expected 3-4 arguments, but got 2.'],
  ['step(send, «5»)', notAssignable('number', 'string')],
  [`step(«mailer.sendLater('a')»)`, notAssignable('Promise<string>', 'TaskFunction')],
  [`step(«chain(step(send, 'a'))»)`, notAssignable('Flow<number>', 'TaskFunction')],
];

const wrongOwnCalls: typeof wrongCalls = [
  [`this.tasks.«addTask»(this, 'build')`, 'Expected 3 arguments, but got 2.'],
  [`this.tasks.addTask(this, 'build', 'a', «5»)`, 'Expected 3 arguments, but got 4.'],
  [`this.tasks.addTask(this, 'build', «5»)`, notAssignable('number', 'string')],
  [`this.tasks.addTask(this, «'nope'»)`, notAssignable('"nope"', ownNames)],
  [`this.tasks.addTask(this, «'title'»)`, notAssignable('"title"', ownNames)],
  [`this.tasks.addTask(this, «'secret'»)`, notAssignable('"secret"', ownNames)],
  [`this.tasks.addTask(«this»)`, notAssignable('this', task)],
  [`this.tasks.«addTask»(this.build)`, 'Expected 2 arguments, but got 1.'],
  [`this.tasks.addTask(«this.build('a')»)`, notAssignable('number', task)],
  [`runner.start(this, 'build', «5»)`, notAssignable('number', 'string')],
  [`step(this, 'build', «5»)`, notAssignable('number', 'string')],
];

/** Calls with the cursor, marked by |, and what the editor offers there. */
const completions: readonly (readonly [line: string, around: (line: string) => string, offered: string[]])[] = [
  [`tasks.addTask(mailer, '|')`, inModule, ['level', 'send', 'sendLater']],
  [`tasks.addTask(mailer, 'se|', 'a')`, inModule, ['level', 'send', 'sendLater']],
  [`tasks.addTask(Mailer, '|')`, inModule, ['level', 'send', 'sendLater', 'stats']],
  [`tasks.addTask(mailer, 'level', '|')`, inModule, ['info', 'warn']],
  [`tasks.addTask(mailer, 'level', 'info', { | })`, inModule, ['a', 'b']],
  [`tasks.addTask(level, '|')`, inModule, ['info', 'warn']],
  [`runner.start(mailer, '|')`, inModule, ['level', 'send', 'sendLater']],
  [`step(mailer, '|')`, inModule, ['level', 'send', 'sendLater']],
  [`this.tasks.addTask(this, '|')`, inClass, ['add', 'build']],
];

describe.each(compilers)('with the compiler of Nest $nest', ({ compiler, nest, options }) => {
  let folder: string;
  let file: string;
  let text = declarations;
  let version = 0;
  let service: ts.LanguageService;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'editor-'));
    await installPackage(folder, nest === 11 ? otherNests[11] : undefined);
    file = join(folder, 'main.ts');
    const settings = { ...options, strict: true, target: compiler.ScriptTarget.ES2023, noEmit: true, types: [] };
    service = compiler.createLanguageService({
      useCaseSensitiveFileNames: () => compiler.sys.useCaseSensitiveFileNames,
      fileExists: compiler.sys.fileExists,
      readFile: compiler.sys.readFile,
      directoryExists: compiler.sys.directoryExists,
      getCompilationSettings: () => ({ ...settings, skipLibCheck: true }),
      getCurrentDirectory: () => folder,
      getDefaultLibFileName: compiler.getDefaultLibFilePath,
      getScriptFileNames: () => [file],
      getScriptVersion: (name) => (name === file ? String(version) : '1'),
      getScriptSnapshot: (name) => {
        const content = name === file ? text : compiler.sys.readFile(name);
        return content === undefined ? undefined : compiler.ScriptSnapshot.fromString(content);
      },
      realpath: compiler.sys.realpath!,
    });
  }, INSTALL_TIMEOUT);

  afterAll(() => rm(folder, { recursive: true }));

  function write(source: string): void {
    text = declarations + source;
    version++;
  }

  /** The parameters that an editor shows at the end of a call which is not complete. */
  function hintFor(line: string, around: (line: string) => string): string {
    write(around(line));
    const place = text.lastIndexOf(line) + line.lastIndexOf(')');
    const help = service.getSignatureHelpItems(file, place, {})!;
    return help.items[help.selectedItemIndex]!.parameters.map(({ displayParts }) =>
      compiler.displayPartsToString(displayParts),
    ).join(', ');
  }

  /** Each error: its line with marks around what the compiler underlines, and the first line of its message. */
  function errorsIn(lines: readonly string[], around: (line: string) => string) {
    write(around(lines.join(';\n')));
    const errors = [...service.getSyntacticDiagnostics(file), ...service.getSemanticDiagnostics(file)];
    return errors.map(({ start, length, messageText }) => {
      const lineStart = text.lastIndexOf('\n', start) + 1;
      const line = text.slice(lineStart, text.indexOf(';\n', start));
      const from = start! - lineStart;
      const to = from + length!;
      const [message] = compiler.flattenDiagnosticMessageText(messageText, '\n').split('\n');
      const plain = message!
        // The compiler says what an optional parameter means, in some places and not in others.
        .replaceAll(/\?: (\w+) \| undefined/g, '?: $1')
        // It lists names in the order in which it has met them.
        .replaceAll(/"\w+"(?: \| "\w+")+/g, (list) => list.split(' | ').toSorted().join(' | '));
      return [`${line.slice(0, from)}«${line.slice(from, to)}»${line.slice(to)}`.trim(), plain];
    });
  }

  const unmarked = (calls: typeof wrongCalls) => calls.map(([line]) => line.replaceAll(/[«»]/g, ''));

  test('the declarations compile', () => {
    expect(errorsIn(['clean()'], inModule)).toEqual([]);
    expect(errorsIn(['clean()'], inClass)).toEqual([]);
  });

  test('a wrong call has one error, which is at the mistake and names it', () => {
    expect(errorsIn(unmarked(wrongCalls), inModule)).toEqual(wrongCalls);
  });

  test('a wrong call of an own method has one error, which is at the mistake and names it', () => {
    expect(errorsIn(unmarked(wrongOwnCalls), inClass)).toEqual(wrongOwnCalls);
  });

  test.for(completions)('%s: the editor offers what fits', ([marked, around, offered]) => {
    const line = marked.replace('|', '');
    write(around(line));
    const place = text.lastIndexOf(line) + marked.indexOf('|');
    const entries = service.getCompletionsAtPosition(file, place, {})?.entries ?? [];
    expect(entries.map(({ name }) => name).toSorted()).toEqual(offered);
  });

  test('while a call is not complete, the editor shows the parameters of the method', () => {
    const wanted = /^target: .*, method: "level", level: "info" \| "warn", options: \{ a: number; b\?: string/;
    expect(hintFor(`tasks.addTask(mailer, 'level', )`, inModule)).toMatch(wanted);
    expect(hintFor(`tasks.addTask(mailer, 'level', 'info', )`, inModule)).toMatch(wanted);
    expect(hintFor(`this.tasks.addTask(this, 'build', )`, inClass)).toMatch(
      /^target: .*, method: "build", id: string$/,
    );
    expect(hintFor(`tasks.addTask(send, )`, inModule)).toMatch(/^task: .*, to: string, times\?: number/);
  });
});
