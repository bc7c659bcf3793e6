import type { PgliteDatabase } from './pglite.types.ts';

/** What pg answers, as far as BullMQ reads it. */
export interface PgResult {
  readonly rows: readonly unknown[];
  readonly rowCount: number;
}

/** Statements after which it is tidied up. */
const TIDY_EVERY = 10_000;

/** The one session that PGlite has, for many that ask as if each had its own: none asks within the transaction of another. */
export class PgliteSession {
  #last = Promise.resolve();
  #statements = 0;
  #transaction?: { readonly of: object; readonly end: () => void };

  constructor(private readonly db: PgliteDatabase) {}

  /** @param asker whose transaction this may begin, be within, or end */
  async query(asker: object, text: string, params?: unknown[]): Promise<PgResult> {
    const isWithin = this.#transaction?.of === asker;
    const end = isWithin ? this.#transaction!.end : await this.#turn();
    try {
      if (!isWithin && ++this.#statements % TIDY_EVERY === 0) {
        await this.#tidy();
      }
      return await this.#run(text, params);
    } finally {
      if (this.db.ready && this.db.isInTransaction()) {
        this.#transaction = { of: asker, end };
      } else {
        this.#transaction = undefined;
        end();
      }
    }
  }

  /** @returns what ends it */
  onNotification(listener: (channel: string, payload: string) => void): () => void {
    return this.db.onNotification(listener);
  }

  async close(): Promise<void> {
    await this.db.close();
  }

  async #run(text: string, params: unknown[] | undefined): Promise<PgResult> {
    // Migrations are many statements in one text, which only go without parameters.
    const result = params ? await this.db.query(text, params) : (await this.db.exec(text)).at(-1);
    return { rows: result?.rows ?? [], rowCount: result?.affectedRows ?? 0 };
  }

  /** What a server does in processes of its own, which PGlite has none of: without it, its files grow for ever. */
  async #tidy(): Promise<void> {
    await this.db.exec('VACUUM');
    await this.db.exec('CHECKPOINT');
  }

  /** @returns what lets the next one go on */
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
