/** Node refuses to start any thread in the way that it was told to. */
export class ThreadStartError extends Error {
  constructor(cause: unknown) {
    super('no thread can be started', { cause });
  }
}
