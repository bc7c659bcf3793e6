import type { BackendFactory, Queue, QueueOptions, Worker, WorkerOptions } from 'bullmq';

/** ms between two attempts to reach the server. */
export const RECONNECT = 500;

/** How BullMQ reaches one kind of server. */
export interface Store {
  /** For requests that a caller waits for: while the server is unavailable, they fail within `enqueueTimeout`. */
  readonly producing: QueueOptions;
  /** For workers: while the server is unavailable, they wait. */
  readonly consuming: WorkerOptions;
  /** BullMQ's factory for a server other than Redis. */
  readonly backend: BackendFactory | undefined;
  /** Whether a transaction of the application can add jobs. */
  readonly hasTransactions: boolean;
  /** Whether it runs in this process. The application then waits for it at start, because it never comes back by itself. */
  readonly isEmbedded: boolean;
  /** Whether the server refused for now: the same request can succeed later. */
  isNotNow(error: unknown): boolean;
  /** Lets `Queue.addBulk` add all jobs or none. */
  makeBulkAtomic(queue: Queue): void;
  /** Makes a worker's requests cheaper. */
  tune(worker: Worker): void;
  /** Called with an error that the driver did not see, so that the store can reconnect. */
  noticeRefusal(error: Error): void;
  /**
   * Waits for the server, without a limit, and makes it ready.
   *
   * @throws the server's error if it refuses the connection: a wrong password, a missing database
   */
  prepare(): Promise<void>;
  /** Ends all waiting for the server. */
  giveUp(): void;
  /** Closes what this object has opened: BullMQ closes its own connections. */
  close(): void | Promise<void>;
}
