/**
 * The part of `@electric-sql/pglite` that this package uses. The package's own types need those of a browser, and
 * everyone would have to install them.
 */
export interface Pglite {
  readonly PGlite: {
    readonly defaultStartParams: readonly string[];
    create(options: PgliteOptions): Promise<PgliteDatabase>;
  };
  readonly types: { readonly INT8: number };
}

export interface PgliteOptions {
  dataDir?: string;
  parsers: { [type: number]: (text: string) => unknown };
  startParams: string[];
}

export interface PgliteDatabase {
  readonly ready: boolean;
  query(text: string, params: unknown[]): Promise<PgliteResult>;
  exec(text: string): Promise<PgliteResult[]>;
  isInTransaction(): boolean;
  onNotification(listener: (channel: string, payload: string) => void): () => void;
  close(): Promise<void>;
}

export interface PgliteResult {
  readonly rows: readonly unknown[];
  readonly affectedRows?: number | undefined;
}
