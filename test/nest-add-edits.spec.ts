// What `nest add` does to sources that are not as `nest new` writes them.
import { expect, test } from 'vitest';
import { addModuleImport, addShutdownHooks, findRootModule } from '../schematics/nest-add/edits.cjs';

const head = "import { Module } from '@nestjs/common';\n";
const added = "import { BackgroundTasksModule } from 'nestjs-background-tasks';\n";
const inModule = (argument: string) => `${head}\n@Module(${argument})\nexport class AppModule {}\n`;

test.each([
  ['()', '({ imports: [BackgroundTasksModule.forRoot()] })'],
  ['({})', '({ imports: [BackgroundTasksModule.forRoot()] })'],
  ['({ imports: [] })', '({ imports: [BackgroundTasksModule.forRoot()] })'],
  ['({ imports: [A, B] })', '({ imports: [BackgroundTasksModule.forRoot(), A, B] })'],
  ['({ providers: [A] })', '({ imports: [BackgroundTasksModule.forRoot()], providers: [A] })'],
  ['({\n  imports: [\n    A,\n  ],\n})', '({\n  imports: [\n    BackgroundTasksModule.forRoot(),\n    A,\n  ],\n})'],
  ['({\n  providers: [],\n})', '({\n  imports: [BackgroundTasksModule.forRoot()],\n  providers: [],\n})'],
  [
    "({ providers: [{ provide: 'a', useValue: { imports: [1] } }], /* imports: [] */ imports: [B.forRoot({ imports: [] })] })",
    "({ providers: [{ provide: 'a', useValue: { imports: [1] } }], /* imports: [] */ imports: [BackgroundTasksModule.forRoot(), B.forRoot({ imports: [] })] })",
  ],
])('a module with %j', (before, after) => {
  const source = inModule(before.slice(1, -1));
  expect(addModuleImport(source, 'AppModule')).toBe(inModule(after.slice(1, -1)).replace(head, head + added));
});

test('the layout of the file stays: quotes, semicolons and line ends', () => {
  const source =
    'import { Module } from "@nestjs/common"\r\n\r\n@Module({\r\n\timports: [A],\r\n})\r\nclass AppModule {}\r\n';
  expect(addModuleImport(source, 'AppModule')).toBe(
    source
      .replace('common"\r\n', 'common"\r\nimport { BackgroundTasksModule } from "nestjs-background-tasks"\r\n')
      .replace('[A]', '[BackgroundTasksModule.forRoot(), A]'),
  );
});

test.each([['a module that is imported', inModule('{ imports: [BackgroundTasksModule.forRootAsync(options)] }')]])(
  '%s stays as it is',
  (_, source) => {
    expect(addModuleImport(source, 'AppModule')).toBe(source);
  },
);

test('a comment does not count as an import', () => {
  const source = `// BackgroundTasksModule comes later\n${inModule('{}')}`;
  expect(addModuleImport(source, 'AppModule')).toContain('imports: [BackgroundTasksModule.forRoot()]');
});

test('only the root module changes', () => {
  const other = '@Module({ imports: [X] })\nclass Other {}\n\n';
  const source = inModule('{ imports: [] }').replace('@Module', `${other}@Module`);
  expect(addModuleImport(source, 'AppModule')).toContain(other);
});

test.each([
  ['imports that are no list', inModule('{ imports: modules }')],
  ['imports by shorthand', inModule('{ imports, providers: [] }')],
  ['a key in quotes', inModule("{ 'imports': [] }")],
  ['metadata elsewhere', inModule('metadata')],
  ['no such class', inModule('{}').replace('AppModule', 'Other')],
  ['CommonJS', "const { Module } = require('@nestjs/common');\n@Module({})\nclass AppModule {}\n"],
])('there is no place for the module: %s', (_, source) => {
  expect(addModuleImport(source, 'AppModule')).toBeUndefined();
});

const create = 'const app = await NestFactory.create';

test.each([
  [
    `  ${create}(AppModule);\n  await app.listen(1);\n`,
    `  ${create}(AppModule);\n  app.enableShutdownHooks();\n  await app.listen(1);\n`,
  ],
  [`${create}<NestFastifyApplication>(\n  AppModule,\n  new FastifyAdapter({ a: 1 }),\n);\n`, undefined],
  [
    `${create}(AppModule) // a comment\nrun()\n`,
    `${create}(AppModule) // a comment\napp.enableShutdownHooks()\nrun()\n`,
  ],
  ['const worker = await NestFactory.createApplicationContext(AppModule);\n', undefined],
  ['const app: INestApplication = await NestFactory.create(AppModule, { logger: false });\r\n', undefined],
])('the shutdown hooks after %j', (before, after) => {
  const name = before.includes('worker') ? 'worker' : 'app';
  const end = before.includes('\r\n') ? '\r\n' : '\n';
  expect(addShutdownHooks(before)).toBe(after ?? `${before}${name}.enableShutdownHooks();${end}`);
});

test.each([
  ['two applications', `${create}(A);\n${create.replace('app', 'b')}(B);\n`],
  ['a chain', 'NestFactory.create(AppModule).then((app) => app.listen(1));\n'],
  [
    'a statement that goes on',
    'const app = await NestFactory.create(AppModule)\n  .then((it) => it);\n'.replace('\n ', ' '),
  ],
])('there is no place for the shutdown hooks: %s', (_, source) => {
  expect(addShutdownHooks(source)).toBeUndefined();
});

test('shutdown hooks that are there stay the only ones', () => {
  const source = `${create}(AppModule);\napp.enableShutdownHooks(['SIGTERM']);\n`;
  expect(addShutdownHooks(source)).toBe(source);
  expect(addShutdownHooks(`${create}(AppModule);\n// app.enableShutdownHooks();\n`)).toContain(
    '\napp.enableShutdownHooks();',
  );
});

test.each([
  [
    "import { AppModule } from './app.module';\n",
    ['src/app.module.ts', 'src/app.module.js', 'src/app.module/index.ts'],
  ],
  [
    "import { A, AppModule } from './a/app.module.js';\n",
    ['src/a/app.module.ts', 'src/a/app.module.js', 'src/a/app.module/index.ts'],
  ],
  ['', ['src/main.ts']],
])('the root module, imported by %j', (imports, paths) => {
  expect(findRootModule(`${imports}${create}(AppModule);\n`, 'src/main.ts')).toEqual({ name: 'AppModule', paths });
});
