import { Injectable } from '@nestjs/common';
import type { QueueEventsListener, QueueEventsProducer } from 'bullmq';
import { BullMqConnection } from '../store/bullmq-connection.ts';

/** A queue without jobs: in one with jobs, each process would receive an event for each step of each job. */
const CHANNEL = 'nestjs-background-tasks.cancel';
const CANCEL = 'cancel-task';

/** How many events the server keeps, for processes that read them late. */
const MAX_KEPT = 1_000;

interface CancelListener extends QueueEventsListener {
  [CANCEL]: (event: { taskId: string }) => void;
}

/** Tells all processes to cancel a running task. */
@Injectable()
export class BullMqCancellations {
  #producer?: QueueEventsProducer;

  constructor(private readonly connection: BullMqConnection) {}

  /** Resolves when all events from now on are heard. */
  async listen(onCancel: (taskId: string) => void): Promise<void> {
    const { connection } = this;
    // Without the id of an event to start after, BullMQ would miss the events that come before its first read.
    const lastEventId = await connection.keepTrying(() => this.#publish('listening', {}));
    if (lastEventId !== undefined) {
      connection
        .events(CHANNEL, lastEventId)
        .on<CancelListener>(CANCEL, ({ taskId }: { taskId: string }) => onCancel(taskId));
    }
  }

  async publish(taskId: string): Promise<void> {
    await this.#publish(CANCEL, { taskId });
  }

  /** @returns the id of the event */
  #publish(event: string, fields: Record<string, string>): Promise<string> {
    this.#producer ??= this.connection.eventsProducer(CHANNEL);
    return this.#producer.backend.publishEvent({ event, ...fields }, MAX_KEPT);
  }
}
