// The patch of `ResponseGate`. It swaps the prototype of the response, as Express does: ten properties of the response's
// own made it so slow that a request with a durable task took a quarter more processor time. Only a method that another package
// has patched before is a property of the response itself, and is patched there.
import type { ServerResponse } from 'node:http';

/** `flush` sends what a package that compresses the response has kept back. */
export type SendingMethod = 'writeHead' | 'flushHeaders' | 'write' | 'end' | 'flush';
type Method = (this: object, ...args: unknown[]) => unknown;
type Methods = Record<string, Method | undefined>;

/** What decides about the calls of a patched response. */
interface PatchedBy {
  readonly hasHead: boolean;
  readonly hasEnd: boolean;
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

const SENDING = ['writeHead', 'flushHeaders', 'write', 'end'] as const;
/** Those that only packages add to a response. */
const OWN_SENDING = [...SENDING, 'flush'] as const;
const HEADERS = ['setHeader', 'appendHeader', 'setHeaders', 'removeHeader'] as const;

interface Patched {
  readonly prototype: object;
  /** Where a response holds its gate. Of two applications that see one response, each has its own. */
  readonly gateKey: symbol;
}

type Holder = Record<symbol, PatchedBy>;

/** By the prototype before: Express has one for each application. */
const patched = new WeakMap<object, Patched>();

/** Patches the methods that send and change headers, and the flags that platforms and filters read before they answer. */
export function patch(response: ServerResponse, gate: PatchedBy): Inner {
  const base = Object.getPrototypeOf(response) as object;
  let entry = patched.get(base);
  if (!entry) {
    patched.set(base, (entry = patchedFrom(base)));
  }
  const own = patchOwn(response as unknown as Methods, gate);
  (response as unknown as Holder)[entry.gateKey] = gate;
  Object.setPrototypeOf(response, entry.prototype);
  return new InnerResponse(response, base, own);
}

class InnerResponse implements Inner {
  constructor(
    private readonly response: ServerResponse,
    private readonly base: object,
    private readonly own: Methods | undefined,
  ) {}

  get isHeadSent(): boolean {
    return Boolean(Reflect.get(this.base, 'headersSent', this.response));
  }

  get isEnded(): boolean {
    return Boolean(Reflect.get(this.base, 'writableEnded', this.response));
  }

  call(method: SendingMethod, args: unknown[]): unknown {
    return (this.own?.[method] ?? (this.base as Methods)[method])!.apply(this.response, args);
  }
}

function patchedFrom(base: object): Patched {
  const gateKey = Symbol('BackgroundTasks.gate');
  const prototype = Object.create(base) as object;
  const define = (name: string, value: Method) =>
    Object.defineProperty(prototype, name, { configurable: true, writable: true, value });
  for (const name of SENDING) {
    define(name, function (...args) {
      return (this as Holder)[gateKey]!.call(name, args);
    });
  }
  const { _implicitHeader: implicitHeader, writeHeader } = base as Methods;
  if (writeHeader) {
    // Node's second name for it.
    define('writeHeader', function (...args) {
      return (this as Holder)[gateKey]!.call('writeHead', args);
    });
  }
  if (implicitHeader) {
    define('_implicitHeader', function called() {
      (this as Holder)[gateKey]!.implicitHead(
        () => implicitHeader.call(this),
        () => isNode(called),
      );
    });
  }
  for (const name of HEADERS) {
    const inner = (base as Methods)[name];
    if (inner) {
      define(name, function (...args) {
        (this as Holder)[gateKey]!.assertHeadIsOpen();
        return inner.apply(this, args);
      });
    }
  }
  const defineFlag = (name: string, isSet: (gate: PatchedBy) => boolean) =>
    Object.defineProperty(prototype, name, {
      configurable: true,
      get(this: Holder): boolean {
        return isSet(this[gateKey]!) || Boolean(Reflect.get(base, name, this));
      },
    });
  defineFlag('headersSent', ({ hasHead }) => hasHead);
  defineFlag('writableEnded', ({ hasEnd }) => hasEnd);
  return { prototype, gateKey };
}

/** Whether Node itself has called this function, and no package. It reads the stack, so it is for rare paths only. */
function isNode(called: Method): boolean {
  const at: { stack?: string } = {};
  Error.captureStackTrace(at, called);
  const [, caller = ''] = String(at.stack).split('\n');
  return /\bnode:_http_/.test(caller);
}

/** @returns the methods that were patched before; mostly none */
function patchOwn(response: Methods, gate: PatchedBy): Methods | undefined {
  let own: Methods | undefined;
  for (const name of OWN_SENDING) {
    if (Object.hasOwn(response, name)) {
      (own ??= {})[name] = response[name];
      response[name] = (...args) => gate.call(name, args);
    }
  }
  for (const name of HEADERS) {
    const inner = Object.hasOwn(response, name) && response[name];
    if (inner) {
      response[name] = function (...args) {
        gate.assertHeadIsOpen();
        return inner.apply(this, args);
      };
    }
  }
  return own;
}
