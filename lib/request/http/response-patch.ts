// The patch of `ResponseGate`: methods and flags of the response's own. All responses share the functions, which find the gate
// in the response. So V8 knows the shape of a patched response, and to make it costs a quarter of what a prototype of its own
// would. Where another package has patched the response before, the patch calls what it finds there.
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

/** Where a response holds its gate. */
const GATE = Symbol('BackgroundTasks.gate');

interface Holder {
  [GATE]?: PatchedBy;
}

const gateOf = (response: object) => (response as Holder)[GATE]!;
const baseOf = (response: object) => Object.getPrototypeOf(response) as Methods;

/** Makes the patch of one method. `innerOf` finds the method that it patches. */
type Patch = (innerOf: (response: object) => Method) => Method;

const sending =
  (name: SendingMethod): Patch =>
  () =>
    function (...args) {
      return gateOf(this).call(name, args);
    };

const header: Patch = (innerOf) =>
  function (...args) {
    gateOf(this).assertHeadIsOpen();
    return innerOf(this).apply(this, args);
  };

const implicitHeader: Patch = (innerOf) =>
  function called() {
    gateOf(this).implicitHead(
      () => innerOf(this).call(this),
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
}).map(([name, patchOf]) => ({ name, patchOf, shared: patchOf((response) => baseOf(response)[name]!) }));

const shared = Object.fromEntries(METHODS.map((it) => [it.name, it.shared]));

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
  holder[GATE] = gate;
  const base = baseOf(response);
  const methods = response as unknown as Methods;
  const inner = isPlain(methods, base)
    ? new PlainInner(response, flagsOf(base), patchPlain(methods, base))
    : new PlainInner(response, readFlags(response), patchEach(methods, base));
  Object.defineProperty(response, 'headersSent', HEADERS_SENT);
  Object.defineProperty(response, 'writableEnded', WRITABLE_ENDED);
  return inner;
}

/** Whether it is a response of HTTP/1 that no package has patched, as nearly all are. V8 reads names faster than keys. */
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
    response['removeHeader'] === base['removeHeader']
  );
}

/** @returns the methods without the patch */
function patchPlain(response: Methods, base: Methods): Methods {
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
  return base;
}

/** @returns the methods without the patch */
function patchEach(response: Methods, base: Methods): Methods {
  const inner: Methods = {};
  for (const { name, patchOf, shared: patched } of METHODS) {
    const method = (inner[name] = response[name]);
    if (method) {
      response[name] = method === base[name] ? patched : patchOf(() => method);
    }
  }
  return inner;
}

class PlainInner implements Inner {
  constructor(
    private readonly response: ServerResponse,
    private readonly flags: Flags,
    private readonly methods: Methods,
  ) {}

  get isHeadSent(): boolean {
    return this.flags.headersSent.call(this.response);
  }

  get isEnded(): boolean {
    return this.flags.writableEnded.call(this.response);
  }

  call(method: SendingMethod, args: unknown[]): unknown {
    return this.methods[method]!.apply(this.response, args);
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

/** Finds the accessors themselves: to read them of the prototype by `Reflect.get` takes ten times as long. */
function readFlags(holder: object): Flags {
  return { headersSent: accessorOf(holder, 'headersSent'), writableEnded: accessorOf(holder, 'writableEnded') };
}

function accessorOf(holder: object, name: string): (this: object) => boolean {
  for (let it: object | null = holder; it; it = Object.getPrototypeOf(it) as object | null) {
    // oxlint-disable-next-line typescript/unbound-method -- called on a response
    const get = Object.getOwnPropertyDescriptor(it, name)?.get;
    if (get) {
      return get as () => boolean;
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
