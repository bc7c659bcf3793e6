import { readFileSync } from 'node:fs';
import { HttpException } from '@nestjs/common';
import { expect, test } from 'vitest';
import * as main from 'nestjs-background-tasks';
import * as bullmq from 'nestjs-background-tasks/bullmq';
import * as testing from 'nestjs-background-tasks/testing';
import * as task from 'nestjs-background-tasks/task';
import { packThrown, unpackThrown } from '../lib/threads/wire/packed-error.ts';

const { BackgroundTasksError, TaskArgumentError, TooManyTasksError, UnavailableError } = main;

type ErrorClass = new (...args: unknown[]) => Error & { code: string };

/** The types that other classes extend, which have no code of their own. */
const abstractClasses = new Set<unknown>([BackgroundTasksError, UnavailableError]);

const exported: unknown[] = Object.values({ ...main, ...bullmq, ...task, ...testing });
const classes = exported.filter(
  (it): it is ErrorClass => typeof it === 'function' && it.prototype instanceof Error && !abstractClasses.has(it),
);

/** `DrainTimeoutError` takes a list as its second argument; the others ignore it. */
const make = (Class: ErrorClass) => new Class('x', []);

const docs = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8');

test('the package exports error classes', () => {
  expect(classes.map(({ name }) => name)).toContain('TaskQueueError');
});

test.each(classes)('$name has a code and a name', (Class) => {
  const error = make(Class);
  expect(error).toBeInstanceOf(BackgroundTasksError);
  expect(error.code).toMatch(/^BACKGROUND_TASKS_[A-Z_]+$/);
  expect(error.name).toBe(Class.name);
});

test.each(classes)('$name keeps its code in JSON', (Class) => {
  const error = make(Class);
  expect(JSON.parse(JSON.stringify(error))).toMatchObject({ name: Class.name, code: error.code });
});

test.each(classes)('$name keeps its code and name on the way out of a thread', (Class) => {
  const error = make(Class);
  expect(unpackThrown(structuredClone(packThrown(error)))).toMatchObject({ name: Class.name, code: error.code });
});

test.each(classes)('a class that extends $name inherits its code', (Class) => {
  class Own extends Class {}
  const error = make(Own);
  expect(error).toBeInstanceOf(Own);
  expect(error).toBeInstanceOf(Class);
  expect(error).toBeInstanceOf(BackgroundTasksError);
  expect([error.name, error.code]).toEqual(['Own', make(Class).code]);
});

test('no two classes have the same code', () => {
  const codes = classes.map((Class) => make(Class).code);
  expect(new Set(codes).size).toBe(codes.length);
});

test('a class is an instance of its own kind only', () => {
  expect(new TaskArgumentError('x')).not.toBeInstanceOf(UnavailableError);
  expect(new TaskArgumentError('x')).not.toBeInstanceOf(TooManyTasksError);
  expect(new TooManyTasksError('x')).toBeInstanceOf(UnavailableError);
  expect(new HttpException('x', 503)).not.toBeInstanceOf(BackgroundTasksError);
});

const byName = (a: readonly string[], b: readonly string[]) => (a[0]! < b[0]! ? -1 : 1);
const described = classes
  .map((Class) => {
    const error = make(Class);
    return [Class.name, error.code, error instanceof HttpException ? String(error.getStatus()) : ''];
  })
  .toSorted(byName);

test('docs/errors.md has a section for each class, in alphabetical order', () => {
  const sections = docs.matchAll(/^## (\w+)\n\nCode: `(\w+)`\n(?:\nHTTP status: (\d+)\n)?\n\*\*Cause\.\*\*/gm);
  expect(Array.from(sections, ([, name, code, status = '']) => [name, code, status])).toEqual(described);
  expect(docs.match(/^\*\*Remedy\.\*\*/gm)).toHaveLength(classes.length);
});

test('the table of docs/errors.md has a row for each class', () => {
  const rows = docs.matchAll(/^\| \[`(\w+)`\]\(#(\w+)\) +\| `(\w+)` +\| (\d*) +\|$/gm);
  expect(Array.from(rows, ([, name, anchor, code, status]) => [name, code, status, anchor])).toEqual(
    described.map(([name, code, status]) => [name, code, status, name!.toLowerCase()]),
  );
});
