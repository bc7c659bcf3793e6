import { createServer } from 'node:http';
import { PassThrough } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import { assert, jsonValue, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TaskArgumentError } from 'nestjs-background-tasks';
import { decode, encode, encodeArguments } from '../../lib/durable/codec/value-codec.ts';

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

  test('what an instance of a class holds keeps its type', () => {
    class Order {
      readonly at = new Date(1);
      readonly lines = new Map([['a', { count: 2n }]]);
      readonly tags = new Set(['x']);
      readonly scan = Buffer.from('scan');
      readonly none = undefined;
      readonly point = new Point(1);
      readonly body = { constructor: 'own' };
    }
    const plain = Object.assign({}, new Order(), { point: { x: 1 } });
    expect(stored(new Order(), [new Order()], new Map([['a', new Order()]]))).toEqual([
      plain,
      [plain],
      new Map([['a', plain]]),
    ]);
    const [error] = stored(Object.assign(new Error('no'), { order: new Order() })) as [{ order: unknown }];
    expect(error.order).toEqual(plain);
    const both = new Point(2);
    const [{ one, other }] = stored({ one: both, other: both, at: new Date(1) }) as [{ one: object; other: object }];
    expect(one).toBe(other);
  });

  test('an instance with toJSON() as what that returns', () => {
    class Money {
      readonly #amount = 5;
      readonly currency = 'EUR';
      toJSON() {
        return { amount: this.#amount, at: new Date(1) };
      }
    }
    class Self {
      readonly at = new Date(1);
      toJSON() {
        return this;
      }
    }
    class List {
      readonly value = 1;
      toJSON() {
        return [new Date(1), this.value];
      }
    }
    class Text {
      readonly value = 1;
      toJSON() {
        return 'text';
      }
    }
    expect(stored(new Money(), new Self(), new List(), { text: new Text(), at: new Date(1) })).toEqual([
      { amount: 5, at: new Date(1) },
      { at: new Date(1) },
      [new Date(1), 1],
      { text: 'text', at: new Date(1) },
    ]);
  });

  test('a hole in a list as undefined', () => {
    // oxlint-disable-next-line no-sparse-arrays -- it is what the test is about
    expect(stored([1, , 3], [new Date(1), ,])).toEqual([
      [1, undefined, 3],
      [new Date(1), undefined],
    ]);
  });

  test('an error with its name, message, cause and other plain properties', () => {
    expect(stored(new RangeError('no'))).toMatchObject([{ name: 'RangeError', message: 'no' }]);
    const cause = Object.assign(new TypeError('why'), { code: 'ECONNREFUSED', at: new Date(1) });
    const error = Object.assign(new RangeError('no', { cause }), { code: 'E1', details: { errno: -1 } });
    const [found] = stored(error) as [Error];
    expect(found).toBeInstanceOf(Error);
    expect(found).toMatchObject({ name: 'RangeError', message: 'no', code: 'E1', details: { errno: -1 } });
    expect(found.cause).toBeInstanceOf(Error);
    expect(found.cause).toMatchObject({ name: 'TypeError', message: 'why', code: 'ECONNREFUSED', at: new Date(1) });
    const [all] = stored(new AggregateError([new Error('one')], 'all')) as [AggregateError];
    expect(all).toMatchObject({ name: 'AggregateError', message: 'all', errors: [{ message: 'one' }] });
    const [alone] = stored(new Error('alone')) as [Error];
    expect(alone).not.toHaveProperty('cause');
  });

  describe('keys that objects have for themselves are own properties', () => {
    const body = JSON.parse(
      '{"constructor": {"prototype": {"isAdmin": true}}, "__proto__": {"isAdmin": true}, "prototype": 1, "~constructor": 2, "a": {"__proto__": 1}}',
    ) as object;
    const common = { constructor: 'shared', at: new Date(2) };
    test.each<[string, unknown]>([
      ['in JSON', body],
      ['beside what JSON can’t say', { body, at: new Date(1), none: undefined }],
      ['in lists, maps and sets', [new Map([['a', body]]), new Set([body]), [body, 1n]]],
      ['beside their escaped forms', { '~constructor': 1, constructor: 2, '~~prototype': 3, '~prototype': 4 }],
      ['the same twice', { constructor: common, again: common, list: [common] }],
    ])('%s', (_name, value) => {
      // Not toStrictEqual, which takes the key `constructor` for the class of an object.
      expect(isDeepStrictEqual(stored(value), [value])).toBe(true);
      expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
    });

    test('in errors, and in their causes', () => {
      const cause = Object.assign(new Error('why', { cause: body }), { body });
      const [found] = stored(Object.assign(new Error('no', { cause }), { body, constructor: 'own' })) as [
        Error & { body: object; cause: Error & { body: object } },
      ];
      expect(found.constructor).toBe('own');
      const bodies = [found.body, found.cause.body, found.cause.cause];
      expect(isDeepStrictEqual(bodies, [body, body, body])).toBe(true);
    });

    test('what is there twice stays one', () => {
      const [found] = stored({ constructor: common, again: common }) as [{ constructor: object; again: object }];
      expect(found.constructor).toBe(found.again);
    });
  });

  test('everything that JSON can express', () => {
    assert(
      property(jsonValue({ stringUnit: 'binary' }), (value) => {
        expect(isDeepStrictEqual(stored(value), [value])).toBe(true);
        // The same beside what JSON can't say.
        const dated = { value, at: new Date(1) };
        expect(isDeepStrictEqual(stored(dated), [dated])).toBe(true);
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
    ['a function in a cause', new Error('no', { cause: () => 1 }), /holds a function/],
    ['an invalid Date', new Date(NaN), /an invalid Date/],
    ['a stream', new PassThrough(), /function|symbol/],
    ['a server', createServer(), /function|symbol/],
    ['what is nested too deep', deep, /RangeError/],
  ])('%s', (_name, value, message) => {
    expect(() => encodeArguments('send', ['ada', value], 1_000_000)).toThrow(TaskArgumentError);
    expect(() => encodeArguments('send', ['ada', value], 1_000_000)).toThrow(message);
  });
});
