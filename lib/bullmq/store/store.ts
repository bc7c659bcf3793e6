import type { BackendFactory, QueueOptions, WorkerOptions } from 'bullmq';

/** ms after which a store that is away is tried again. */
export const RECONNECT = 500;

/** Where BullMQ keeps its jobs, and how it is reached. */
export interface Store {
  /** For what somebody waits for: it fails at once, or in time, while the store is away. */
  readonly producing: QueueOptions;
  /** For what takes jobs: it waits for the store for as long as it takes. */
  readonly consuming: WorkerOptions;
  /** What BullMQ takes for another store than Redis. */
  readonly backend: BackendFactory | undefined;
  /** Whether jobs that are added to one queue at once are all there or none: of Redis, only a transaction says so. */
  readonly isBulkAtomic: boolean;
  /** Whether it is in this process: then nobody else can bring it back, and the application waits for it to start. */
  readonly isEmbedded: boolean;
  /**
   * Makes the store ready to be used, for as long as it takes until there is one.
   *
   * @throws what it says of credentials and the like
   */
  prepare(): Promise<void>;
  /** Tries no more to reach it where it is away. */
  giveUp(): void;
  /** Lets go of what it has opened itself. */
  close(): void | Promise<void>;
}
