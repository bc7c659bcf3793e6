import { EventEmitter } from 'node:events';
import type { PgliteSession, PgResult } from './pglite-session.ts';

/**
 * The pool of pg, as far as BullMQ uses it, on one session. Whatever BullMQ opens has a pool of its own: it listens to it
 * and changes it.
 */
export class PglitePool extends EventEmitter {
  constructor(private readonly open: () => Promise<PgliteSession>) {
    super();
  }

  async query(text: string, params?: unknown[]): Promise<PgResult> {
    return (await this.open()).query({}, text, params);
  }

  async connect(): Promise<PgliteClient> {
    return new PgliteClient(await this.open());
  }

  async end(): Promise<void> {
    // The session is closed by the store, which has opened it.
  }
}

/** What the pool lends: for transactions, and for notifications. */
export class PgliteClient extends EventEmitter {
  /** Gives it back. */
  readonly release: () => void;

  constructor(private readonly session: PgliteSession) {
    super();
    // Also of what others have said LISTEN to, which BullMQ leaves out.
    this.release = session.onNotification((channel, payload) => this.emit('notification', { channel, payload }));
  }

  async query(text: string, params?: unknown[]): Promise<PgResult> {
    return this.session.query(this, text, params);
  }
}
