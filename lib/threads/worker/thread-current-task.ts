import { MessageChannel, type MessagePort, parentPort } from 'node:worker_threads';
import { copyProgress, type CurrentTask } from '../../task/handle/current-task.ts';
import type { TaskProgress } from '../../task/model/task-record.ts';
import { unpackThrown } from '../wire/packed-error.ts';
import type { AbortMessage, ThreadMessage, ThreadSaid } from '../wire/protocol.ts';

/** What a task sees of itself in a thread. */
export class ThreadTask implements CurrentTask {
  #updates = 0;
  #progress?: TaskProgress;
  #controller?: AbortController;
  #port?: MessagePort;

  constructor(
    readonly id: string,
    readonly name: string,
    readonly attempt: number,
  ) {}

  // A task that never asks for its signal can be killed at once, and costs no port.
  get signal(): AbortSignal {
    if (!this.#controller) {
      const controller = (this.#controller = new AbortController());
      const { port1, port2 } = new MessageChannel();
      port1.once('message', ({ abort }: AbortMessage) => controller.abort(unpackThrown(abort)));
      port1.unref();
      this.#port = port1;
      this.#tell({ taskId: this.id, signal: port2 }, [port2]);
    }
    return this.#controller.signal;
  }

  tellBeginning(): void {
    this.#tell({ taskId: this.id, began: this.attempt });
  }

  readonly updateProgress = (progress: TaskProgress): void => {
    // Kept, since what it said last is sent once more in the end.
    this.#progress = copyProgress(progress);
    this.#tell({ taskId: this.id, progress: this.#progress });
    this.#updates++;
  };

  /** How often it told of progress, and what it told last. */
  get said(): ThreadSaid | undefined {
    return this.#progress === undefined ? undefined : { updates: this.#updates, progress: this.#progress };
  }

  end(): void {
    this.#port?.close();
  }

  #tell(message: ThreadMessage, transfer: MessagePort[] = []): void {
    parentPort!.postMessage(message, transfer);
  }
}
