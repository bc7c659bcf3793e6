import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { serialize } from 'superjson';
import { expect, test } from 'vitest';
import { isRefusedJson } from '../../lib/durable/codec/accepted-text.ts';
import { decode, encode } from '../../lib/durable/codec/value-codec.ts';
import { NOT_PLAIN, PlainJsonCopy } from '../../lib/durable/codec/plain-json.ts';

const anything = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withSparseArray: true,
  stringUnit: 'binary',
});

const isPlainJson = (value: unknown) => new PlainJsonCopy(value).value !== NOT_PLAIN;

/** Makes the round trip through JSON, as a server returns it. */
const stored = (value: unknown) =>
  JSON.parse(JSON.stringify(encode(value).encoded)) as ReturnType<typeof encode>['encoded'];

test('plain JSON is enqueued in the form of the serialiser', () => {
  fc.assert(
    fc.property(anything, (value) => {
      fc.pre(isPlainJson(value));
      expect(isDeepStrictEqual(decode(stored(value)), value)).toBe(true);
      // superjson refuses these keys.
      fc.pre(!/__proto__|constructor|prototype/.test(JSON.stringify(value)));
      const { json, meta } = serialize(value);
      expect(json).toStrictEqual(value);
      expect(meta).toBeUndefined();
    }),
    { numRuns: 2_000 },
  );
});

test('what JSON can’t express keeps its type, under any key', () => {
  const leaf = fc.oneof(
    fc.date({ noInvalidDate: true }),
    fc.bigInt(),
    fc.constant(undefined),
    fc.string(),
    fc.double(),
  );
  const special = [
    'constructor',
    '__proto__',
    'prototype',
    '~constructor',
    '~~prototype',
    'json',
    'meta',
    'escaped',
    '0',
  ];
  const key = fc.oneof(fc.string({ maxLength: 4 }), fc.stringMatching(/^[.\\~a]{0,4}$/), fc.constantFrom(...special));
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(key, tie('tree'), { maxKeys: 4, noNullPrototype: true }),
      fc.array(fc.tuple(key, tie('tree')), { maxLength: 3 }).map((entries) => new Map(entries)),
      fc.array(tie('tree'), { maxLength: 3 }).map((members) => new Set(members)),
    ),
  }));
  fc.assert(
    fc.property(tree, (value) => {
      expect(isDeepStrictEqual(decode(stored([value])), [value])).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

test('an object that occurs twice is no plain JSON: it comes back as one object', () => {
  const twice = { a: 1 };
  expect(isPlainJson([twice, { ...twice }])).toBe(true);
  const [first, second] = decode(stored([twice, twice])) as [object, object];
  expect(first).toBe(second);
});

test.each([
  ['undefined', [undefined]],
  ['a hole', Object.assign([], { 1: 'b' })],
  ['NaN', [Number.NaN]],
  ['-0', [-0]],
  ['a Date', { at: new Date(0) }],
  ['a Map', new Map([['a', 1]])],
  ['a bigint', [1n]],
  ['an object without a prototype', Object.create(null)],
  ['an object of a class', new (class Point {})()],
  ['a function', [() => 1]],
])('%s is not', (_, value) => expect(isPlainJson(value)).toBe(false));

test('the copy is the same JSON, and its bound of the size holds', () => {
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue({ stringUnit: 'binary' }), anything), (value) => {
      const copy = new PlainJsonCopy(value);
      fc.pre(copy.value !== NOT_PLAIN);
      const json = JSON.stringify(value);
      expect(JSON.stringify(copy.value)).toBe(json);
      expect(copy.maxSize).toBeGreaterThanOrEqual(Buffer.byteLength(json));
      expect(copy.hasRefusedText).toBe(isRefusedJson(json));
    }),
    { numRuns: 2_000 },
  );
});

test('arguments are enqueued as they were when the task was added', () => {
  const value = { tags: ['a'] };
  const before = encode(value).encoded;
  value.tags.push('b');
  expect(decode(before)).toEqual({ tags: ['a'] });
});
