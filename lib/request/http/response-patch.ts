// The patch of `ResponseGate`: methods and flags of the response's own. All responses share the functions, which find the gate
// in the response. So all patched responses have one shape for V8. To make one costs a quarter of what it costs to give it a
// prototype of its own. Where another package has patched the response before, the patch calls what it finds there.
import type { ServerResponse } from 'node:http';

/** `flush` sends what a package that compresses the response has kept back. */
export type SendingMethod = 'writeHead' | 'flushHeaders' | 'write' | 'end' | 'flush';
type Method = (this: object, ...args: unknown[]) => unknown;
type Methods = Record<string, Method | undefined>;

/** What decides about the calls of a patched response. */
interface PatchedBy {
  /** What the application sees as `headersSent`. */
  readonly headersSent: boolean;
  /** What the application sees as `writableEnded`. */
  readonly writableEnded: boolean;
  call(method: SendingMethod, args: unknown[]): unknown;
  implicitHead(write: () => void, isCalledByNode: () => boolean): void;
  assertHeadIsOpen(): void;
}

/** A response as it is without the patch. */
export interface Inner {
  readonly isHeadSent: boolean;
  readonly isEnded: boolean;
  call(method: SendingMethod, args: unknown[]): unknown;
}

/** Where a response holds its gate, and what is below it. */
const GATE = Symbol('BackgroundTasks.gate');
const PLAIN = Symbol('BackgroundTasks.plain');

interface Holder {
  [GATE]?: PatchedBy;
  [PLAIN]?: PlainInner;
}

const gateOf = (response: object) => (response as Holder)[GATE]!;
const plainOf = (response: object) => (response as Holder)[PLAIN]!;
const baseOf = (response: object) => Object.getPrototypeOf(response) as Methods;

/** Makes the patch of one method: for the given response or, without one, for every response, which is then `this`. */
type Patch = (name: string, response?: object) => Method;

const sending =
  (method: SendingMethod): Patch =>
  (_name, response) =>
    function (...args) {
      return gateOf(response ?? this).call(method, args);
    };

const header: Patch = (name, response) =>
  function (...args) {
    const it = response ?? this;
    gateOf(it).assertHeadIsOpen();
    return plainOf(it).method(name).apply(this, args);
  };

const implicitHeader: Patch = (name, response) =>
  function called() {
    const it = response ?? this;
    gateOf(it).implicitHead(
      () => plainOf(it).method(name).call(this),
      () => isNode(called),
    );
  };

const METHODS = Object.entries<Patch>({
  writeHead: sending('writeHead'),
  // Node's second name for it.
  writeHeader: sending('writeHead'),
  flushHeaders: sending('flushHeaders'),
  write: sending('write'),
  end: sending('end'),
  // Only packages add it to a response.
  flush: sending('flush'),
  _implicitHeader: implicitHeader,
  setHeader: header,
  appendHeader: header,
  setHeaders: header,
  removeHeader: header,
});

const shared = Object.fromEntries(METHODS.map(([name, patchOf]) => [name, patchOf(name)]));

const HEADERS_SENT: PropertyDescriptor = {
  configurable: true,
  get() {
    return gateOf(this).headersSent;
  },
};
const WRITABLE_ENDED: PropertyDescriptor = {
  configurable: true,
  get() {
    return gateOf(this).writableEnded;
  },
};

/** Patches the methods that send and change headers, and the flags that platforms and filters read before they answer. */
export function patch(response: ServerResponse, gate: PatchedBy): Inner {
  const holder = response as Holder;
  const other = holder[GATE];
  if (other) {
    holder[GATE] = new TwoGates(gate, other);
    return new GatedInner(other);
  }
  const base = baseOf(response);
  const methods = response as unknown as Methods;
  const isUntouched = isPlain(methods, base);
  const own: Methods = {};
  const inner = new PlainInner(response, isUntouched ? flagsOf(base) : readFlags(response), own);
  holder[GATE] = gate;
  holder[PLAIN] = inner;
  if (isUntouched) {
    patchPlain(methods);
  } else {
    patchEach(methods, base, own);
  }
  // By `Reflect`, which does not throw if another package has made them fixed.
  Reflect.defineProperty(response, 'headersSent', HEADERS_SENT);
  Reflect.defineProperty(response, 'writableEnded', WRITABLE_ENDED);
  return inner;
}

/**
 * Whether it is a response of HTTP/1 that no package has patched, as nearly all are. Written out, because V8 reads fixed names
 * faster than names in a loop.
 */
function isPlain(response: Methods, base: Methods): boolean {
  return (
    base['_implicitHeader'] !== undefined &&
    response['writeHead'] === base['writeHead'] &&
    response['writeHeader'] === base['writeHeader'] &&
    response['flushHeaders'] === base['flushHeaders'] &&
    response['write'] === base['write'] &&
    response['end'] === base['end'] &&
    response['flush'] === undefined &&
    response['_implicitHeader'] === base['_implicitHeader'] &&
    response['setHeader'] === base['setHeader'] &&
    response['appendHeader'] === base['appendHeader'] &&
    response['setHeaders'] === base['setHeaders'] &&
    response['removeHeader'] === base['removeHeader'] &&
    !Object.hasOwn(response, 'headersSent') &&
    !Object.hasOwn(response, 'writableEnded')
  );
}

function patchPlain(response: Methods): void {
  try {
    response['writeHead'] = shared['writeHead'];
    response['flushHeaders'] = shared['flushHeaders'];
    response['write'] = shared['write'];
    response['end'] = shared['end'];
    response['_implicitHeader'] = shared['_implicitHeader'];
    response['setHeader'] = shared['setHeader'];
    response['appendHeader'] = shared['appendHeader'];
    response['setHeaders'] = shared['setHeaders'];
    response['removeHeader'] = shared['removeHeader'];
    if (response['writeHeader']) {
      response['writeHeader'] = shared['writeHeader'];
    }
  } catch {
    // A prototype has one of them as read-only.
    for (const [name] of METHODS.filter(([it]) => response[it])) {
      define(response, name, shared[name]!);
    }
  }
}

/**
 * A method that a package has patched may be called without `this`, so what replaces it is bound to the response too.
 *
 * @param own gets the methods that packages have patched
 */
function patchEach(response: Methods, base: Methods, own: Methods): void {
  for (const [name, patchOf] of METHODS) {
    const method = response[name];
    if (method) {
      const isOwn = method !== base[name];
      if (isOwn) {
        own[name] = method;
      }
      define(response, name, isOwn ? patchOf(name, response) : shared[name]!);
    }
  }
}

function define(response: Methods, name: string, value: Method): void {
  Reflect.defineProperty(response, name, { configurable: true, enumerable: true, writable: true, value });
}

class PlainInner implements Inner {
  constructor(
    private readonly response: ServerResponse,
    private readonly flags: Flags,
    /** The methods that other packages have patched before. */
    private readonly own: Methods,
  ) {}

  get isHeadSent(): boolean {
    return this.flags.headersSent.call(this.response);
  }

  get isEnded(): boolean {
    return this.flags.writableEnded.call(this.response);
  }

  /** Reads the prototype each time: an application of Express that gets the response replaces it. */
  method(name: string): Method {
    return (this.own[name] ?? baseOf(this.response)[name])!;
  }

  call(method: SendingMethod, args: unknown[]): unknown {
    return this.method(method).apply(this.response, args);
  }
}

type Flags = Record<'headersSent' | 'writableEnded', (this: object) => boolean>;

/** By the prototype: Express has one for each application. */
const flagsOfBases = new WeakMap<object, Flags>();

function flagsOf(base: object): Flags {
  let flags = flagsOfBases.get(base);
  if (!flags) {
    flagsOfBases.set(base, (flags = readFlags(base)));
  }
  return flags;
}

/** Finds the accessors themselves: `Reflect.get` on the prototype takes ten times as long. */
function readFlags(holder: object): Flags {
  return { headersSent: accessorOf(holder, 'headersSent'), writableEnded: accessorOf(holder, 'writableEnded') };
}

function accessorOf(holder: object, name: string): (this: object) => boolean {
  for (let it: object | null = holder; it; it = Object.getPrototypeOf(it) as object | null) {
    const property = Object.getOwnPropertyDescriptor(it, name);
    if (property) {
      return function () {
        return Boolean(property.get ? property.get.call(this) : property.value);
      };
    }
  }
  return () => false;
}

/** What a second gate finds: the response with the first one. */
class GatedInner implements Inner {
  constructor(private readonly gate: PatchedBy) {}

  get isHeadSent(): boolean {
    return this.gate.headersSent;
  }

  get isEnded(): boolean {
    return this.gate.writableEnded;
  }

  call(method: SendingMethod, args: unknown[]): unknown {
    return this.gate.call(method, args);
  }
}

/** Two applications see one response: each has a gate, and the one that came later decides first. */
class TwoGates implements PatchedBy {
  constructor(
    private readonly later: PatchedBy,
    private readonly earlier: PatchedBy,
  ) {}

  get headersSent(): boolean {
    return this.later.headersSent;
  }

  get writableEnded(): boolean {
    return this.later.writableEnded;
  }

  call(method: SendingMethod, args: unknown[]): unknown {
    return this.later.call(method, args);
  }

  implicitHead(write: () => void, isCalledByNode: () => boolean): void {
    this.later.implicitHead(() => this.earlier.implicitHead(write, isCalledByNode), isCalledByNode);
  }

  assertHeadIsOpen(): void {
    this.later.assertHeadIsOpen();
    this.earlier.assertHeadIsOpen();
  }
}

/** Whether Node itself has called this function, and no package. It reads the stack, so it is for rare paths only. */
function isNode(called: Method): boolean {
  const at: { stack?: string } = {};
  Error.captureStackTrace(at, called);
  const [, caller = ''] = String(at.stack).split('\n');
  return /\bnode:_http_/.test(caller);
}
