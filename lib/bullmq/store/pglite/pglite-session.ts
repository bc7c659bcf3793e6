import type { PgliteDatabase } from './pglite.types.ts';

/** The part of pg's result that BullMQ reads. */
export interface PgResult {
  readonly rows: readonly unknown[];
  readonly rowCount: number;
}

/** Statements between two clean-ups. */
const CLEAN_EVERY = 10_000;

/**
 * Shares PGlite's only session among many clients. While one client has a transaction open, the others wait.
 */
export class PgliteSession {
  #last = Promise.resolve();
  #statements = 0;
  #transaction?: { readonly of: object; readonly end: () => void };

  constructor(private readonly db: PgliteDatabase) {}

  /** @param client the owner of the transaction that the statement begins, belongs to, or ends */
  async query(client: object, text: string, params?: unknown[]): Promise<PgResult> {
    const isWithin = this.#transaction?.of === client;
    const end = isWithin ? this.#transaction!.end : await this.#turn();
    try {
      if (!isWithin && ++this.#statements % CLEAN_EVERY === 0) {
        await this.#cleanUp();
      }
      return await this.#run(text, params);
    } finally {
      if (this.db.ready && this.db.isInTransaction()) {
        this.#transaction = { of: client, end };
      } else {
        this.#transaction = undefined;
        end();
      }
    }
  }

  /** @returns a function that removes the listener */
  onNotification(listener: (channel: string, payload: string) => void): () => void {
    return this.db.onNotification(listener);
  }

  async close(): Promise<void> {
    await this.db.close();
  }

  async #run(text: string, params: unknown[] | undefined): Promise<PgResult> {
    // A migration is many statements in one text: PGlite runs those by `exec`, which takes no parameters.
    const result = params ? await this.db.query(text, params) : (await this.db.exec(text)).at(-1);
    return { rows: result?.rows ?? [], rowCount: result?.affectedRows ?? 0 };
  }

  /** A server does this in the background. PGlite does not, and its files would grow without end. */
  async #cleanUp(): Promise<void> {
    await this.db.exec('VACUUM');
    await this.db.exec('CHECKPOINT');
  }

  /** @returns a function that ends this turn and begins the next one */
  async #turn(): Promise<() => void> {
    const before = this.#last;
    let end!: () => void;
    this.#last = new Promise<void>((resolve) => {
      end = resolve;
    });
    await before;
    return end;
  }
}
