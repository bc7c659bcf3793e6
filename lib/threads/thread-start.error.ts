/** No thread can start: the pool could not be loaded, or Node refused `new Worker()` with the options of the pool. */
export class ThreadStartError extends Error {
  constructor(cause: unknown) {
    super('no thread can be started', { cause });
  }
}
