import { Injectable } from '@nestjs/common';
import type { QueueEventsListener, QueueEventsProducer } from 'bullmq';
import { BullMqConnection } from '../store/bullmq-connection.ts';

/** Of no queue that has jobs: there, each process would be told of each step of each job. */
const CHANNEL = 'nestjs-background-tasks.cancel';
const CANCEL = 'cancel-task';

/** How many are kept for processes that are late to read them. */
const MAX_KEPT = 1_000;

interface CancelListener extends QueueEventsListener {
  [CANCEL]: (event: { taskId: string }) => void;
}

/** Tells of tasks that are to be cancelled while they run, in whichever process. */
@Injectable()
export class BullMqCancellations {
  #producer?: QueueEventsProducer;

  constructor(private readonly connection: BullMqConnection) {}

  /** Resolves when all that is told from then on is heard. */
  async listen(onCancel: (taskId: string) => void): Promise<void> {
    const { connection } = this;
    // Who names no event to begin with hears nothing of what is told before the store was first asked, and between.
    const lastEventId = await connection.keepTrying(() => this.#publish('listening', {}));
    if (lastEventId !== undefined) {
      connection
        .events(CHANNEL, lastEventId)
        .on<CancelListener>(CANCEL, ({ taskId }: { taskId: string }) => onCancel(taskId));
    }
  }

  async tell(taskId: string): Promise<void> {
    await this.#publish(CANCEL, { taskId });
  }

  /** @returns the id of the event */
  #publish(event: string, fields: Record<string, string>): Promise<string> {
    this.#producer ??= this.connection.eventsProducer(CHANNEL);
    return this.#producer.backend.publishEvent({ event, ...fields }, MAX_KEPT);
  }
}
