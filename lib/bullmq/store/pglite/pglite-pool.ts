import { EventEmitter } from 'node:events';
import type { PgliteSession, PgResult } from './pglite-session.ts';

/**
 * The part of pg's pool that BullMQ uses, on one session. Each object of BullMQ needs its own pool, because it adds listeners
 * to it and changes it.
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
    // PgliteStore closes the session.
  }
}

/** A client of the pool, for transactions and notifications. */
export class PgliteClient extends EventEmitter {
  /** Returns the client to the pool. */
  readonly release: () => void;

  constructor(private readonly session: PgliteSession) {
    super();
    // One session: it also brings the channels of other clients, which BullMQ ignores.
    this.release = session.onNotification((channel, payload) => this.emit('notification', { channel, payload }));
  }

  async query(text: string, params?: unknown[]): Promise<PgResult> {
    return this.session.query(this, text, params);
  }
}
