import { createServer } from 'node:http';
import { PassThrough } from 'node:stream';
import { assert, jsonValue, pre, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TaskArgumentError } from 'nestjs-background-tasks';
import { decode, encode, encodeArguments } from '../../lib/bullmq/jobs/job-codec.ts';

class Point {
  constructor(readonly x: number) {}
}

/** Makes the round trip through JSON, as a server returns it. */
const stored = (...args: unknown[]) =>
  decode(JSON.parse(JSON.stringify(encodeArguments('send', args, 1_000_000))) as never);

describe('arguments keep their types', () => {
  const shared = { at: new Date(1) };
  test.each<[string, unknown]>([
    ['a Date', new Date(5)],
    ['a Map with objects as keys, a Set', new Map([[{ a: 1 }, new Set([1n, 2n])]])],
    ['undefined', { a: undefined, b: [undefined] }],
    ['a Buffer', Buffer.from('hello')],
    ['a view of a part', new Uint8Array([1, 2, 3, 4]).subarray(1, 3)],
    ['floats that JSON has no words for', new Float64Array([1.5, NaN, -0])],
    ['big integers', [new BigInt64Array([-1n]), 2n ** 70n]],
    ['memory', new Uint8Array([1, 2]).buffer],
    ['a DataView', new DataView(new Uint8Array([1, 2]).buffer)],
    ['a URL, a RegExp', [new URL('http://a.b/c'), /a+/gi]],
    ['NaN, -0, Infinity', [NaN, -0, -Infinity]],
    ['text with NUL and half a character', 'a\0b \ud800'],
    ['keys with dots', { 'a.b': new Date(1), 'a\\.b': 1n }],
    ['the same twice', [shared, shared]],
  ])('%s', (_name, value) => {
    expect(stored(value)).toEqual([value]);
  });

  test('a class instance as a plain object', () => {
    expect(stored(new Point(3))).toEqual([{ x: 3 }]);
  });

  test('an error as one with its name and message', () => {
    expect(stored(new RangeError('no'))).toMatchObject([{ name: 'RangeError', message: 'no' }]);
  });

  test('everything that JSON can express', () => {
    assert(
      property(jsonValue({ stringUnit: 'binary' }), (value) => {
        pre(!/__proto__|"constructor"|"prototype"/.test(JSON.stringify(value)));
        expect(stored(value)).toEqual([value]);
      }),
    );
  });

  test('arguments in the queue are readable', () => {
    expect(encode(['ada', new Date(0), { n: 1n }]).encoded).toMatchObject({
      json: ['ada', '1970-01-01T00:00:00.000Z', { n: '1' }],
    });
  });
});

describe('an argument that can’t be serialized is refused by its number and what it holds', () => {
  const circle = {};
  const deep = Array.from({ length: 50_000 }).reduce((inner) => ({ inner }), circle);
  test.each<[string, unknown, RegExp]>([
    ['a function', { callback: () => undefined }, /argument 2, which holds a function/],
    ['a symbol', Symbol('x'), /argument 2, which holds a symbol/],
    ['a promise', [Promise.resolve()], /argument 2, which holds a promise/],
    ['a WeakMap', new WeakMap(), /holds a WeakMap/],
    ['an invalid Date', new Date(NaN), /an invalid Date/],
    ['a stream', new PassThrough(), /function|symbol/],
    ['a server', createServer(), /function|symbol/],
    ['a prototype', JSON.parse('{"__proto__": {}}'), /__proto__/],
    ['what is nested too deep', deep, /call stack/],
  ])('%s', (_name, value, message) => {
    expect(() => encodeArguments('send', ['ada', value], 1_000_000)).toThrow(TaskArgumentError);
    expect(() => encodeArguments('send', ['ada', value], 1_000_000)).toThrow(message);
  });
});
