import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { BackendFactory, QueueOptions, WorkerOptions } from 'bullmq';
import { ModuleImportError } from '../../../errors/module.errors.ts';
import { withoutDetails } from '../../../util/secrets.ts';
import type { BullMqTasksOptions } from '../../bullmq-tasks.options.ts';
import { folderInUse, folderNotOpened } from '../../bullmq.messages.ts';
import { safeBackend } from '../postgres-backend.ts';
import { isPostgresNotNow } from '../postgres-errors.ts';
import type { BullMq } from '../store-packages.ts';
import type { Store } from '../store.ts';
import { type FolderLock, lockFolder } from './folder-lock.ts';
import { PgliteClient, PglitePool } from './pglite-pool.ts';
import { PgliteSession } from './pglite-session.ts';
import type { Pglite } from './pglite.types.ts';

interface Opened {
  readonly session: PgliteSession;
  readonly lock?: FolderLock;
}

/** PGlite: Postgres in this process, in memory or in a folder. */
export class PgliteStore implements Store {
  readonly backend: BackendFactory;
  readonly hasTransactions = false;
  readonly isEmbedded = true;
  readonly isNotNow = isPostgresNotNow;
  readonly #folder: string | undefined;
  #opening?: Promise<Opened>;

  constructor(
    private readonly bullmq: BullMq,
    private readonly pglite: Pglite,
    private readonly options: BullMqTasksOptions,
  ) {
    const path = (options.connection as string).slice('pglite:'.length);
    this.#folder = path === '' ? undefined : resolve(path);
    this.backend = inSchema(
      safeBackend(bullmq, () => undefined),
      options.prefix,
    );
  }

  get producing(): QueueOptions {
    return { connection: new PglitePool(() => this.#open()) };
  }

  get consuming(): WorkerOptions {
    return this.producing;
  }

  async prepare(): Promise<void> {
    await this.#open();
  }

  makeBulkAtomic(): void {
    // BullMQ adds them in one transaction.
  }

  tune(): void {
    // There is nothing to save: each statement is a round trip of its own.
  }

  noticeRefusal(): void {
    // The driver sees all errors.
  }

  giveUp(): void {
    // It runs in this process, so nothing waits for it.
  }

  async close(): Promise<void> {
    // `prepare` has thrown the error if it did not open.
    const opened = await this.#opening?.catch(() => undefined);
    await opened?.session.close();
    await opened?.lock?.release();
  }

  async #open(): Promise<PgliteSession> {
    const { session } = await (this.#opening ??=
      this.#folder === undefined ? this.#start() : this.#startIn(this.#folder));
    return session;
  }

  async #startIn(folder: string): Promise<Opened> {
    await mkdir(folder, { recursive: true });
    const lock = await lockFolder(folder);
    if (!lock) {
      throw new ModuleImportError(folderInUse(folder));
    }
    try {
      return { ...(await this.#start(folder)), lock };
    } catch (cause) {
      await lock.release();
      throw new ModuleImportError(folderNotOpened(folder), { cause: withoutDetails(cause) });
    }
  }

  async #start(folder?: string): Promise<Opened> {
    const { PGlite, types } = this.pglite;
    const db = await PGlite.create({
      ...(folder !== undefined && { dataDir: folder }),
      // BullMQ expects the type that pg returns.
      parsers: { [types.INT8]: (text: string) => text },
      // The default, 128 MB, is for the load of a server.
      startParams: [...PGlite.defaultStartParams, '-c', 'shared_buffers=16MB'],
    });
    const session = new PgliteSession(db);
    const { prefix } = this.options;
    try {
      const client = new PgliteClient(session);
      await this.bullmq.runMigrations(client as never, prefix);
      await client.query(`SET search_path TO "${prefix}"`);
      client.release();
      return { session };
    } catch (error) {
      await session.close();
      throw error;
    }
  }
}

/** BullMQ ignores the schema of the options when it is given a pool. */
function inSchema(factory: BackendFactory, schema: string): BackendFactory {
  return ((...args: Parameters<BackendFactory>) => {
    const backend = factory(...args) as unknown as { schema: string; connection: { schema: string } };
    backend.schema = schema;
    backend.connection.schema = schema;
    return backend;
  }) as unknown as BackendFactory;
}
