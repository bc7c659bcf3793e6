import { MessageChannel, type MessagePort, parentPort } from 'node:worker_threads';
import { copyProgress, type CurrentTask } from '../../task/handle/current-task.ts';
import type { TaskProgress } from '../../task/model/task-record.ts';
import { unpackThrown } from '../wire/packed-error.ts';
import type { AbortMessage, FinalProgress, ThreadMessage } from '../wire/protocol.ts';

/** What `currentTask()` returns in a thread. It posts progress, and the first use of the signal, to the main thread. */
export class ThreadCurrentTask implements CurrentTask {
  #updates = 0;
  /** The progress that was posted last. */
  #progress?: TaskProgress;
  #controller?: AbortController;
  #port?: MessagePort;
  readonly #runId: number;

  constructor(
    readonly id: string,
    readonly name: string,
    readonly attempt: number,
    runId: number,
  ) {
    this.#runId = runId;
  }

  // Created on first use: a task that never reads its signal costs no port, and is killed at once when it is aborted.
  get signal(): AbortSignal {
    if (!this.#controller) {
      const controller = (this.#controller = new AbortController());
      const { port1, port2 } = new MessageChannel();
      port1.once('message', ({ reason }: AbortMessage) => controller.abort(unpackThrown(reason)));
      port1.unref();
      this.#port = port1;
      this.#post({ runId: this.#runId, abortPort: port2 }, [port2]);
    }
    return this.#controller.signal;
  }

  reportBeginning(): void {
    this.#post({ runId: this.#runId, hasBegun: true });
  }

  readonly updateProgress = (progress: TaskProgress): void => {
    this.#progress = copyProgress(progress);
    this.#post({ runId: this.#runId, progress: this.#progress });
    this.#updates++;
  };

  get finalProgress(): FinalProgress | undefined {
    return this.#progress === undefined ? undefined : { updates: this.#updates, progress: this.#progress };
  }

  dispose(): void {
    this.#port?.close();
  }

  #post(message: ThreadMessage, transfer: MessagePort[] = []): void {
    parentPort!.postMessage(message, transfer);
  }
}
