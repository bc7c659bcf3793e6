import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { QueueEventsListener, QueueEventsProducer } from 'bullmq';
import { isInTime } from '../in-time.ts';
import { BullMqConnection } from './bullmq-connection.ts';

/** How processes tell each other that a task is to be cancelled, and how one finds out that it hears them. */
const CANCEL = 'cancel-task';
const HELLO = 'hello-listeners';

/** ms between two tries to hear oneself. */
const PAUSE = 50;

interface Listener extends QueueEventsListener {
  [CANCEL]: (event: { taskId: string }) => void;
  [HELLO]: (event: { from: string }) => void;
}

/** Tells of tasks that are to be cancelled while they run, in whichever process. */
@Injectable()
export class BullMqCancellations {
  readonly #producers = new Map<string, QueueEventsProducer>();

  constructor(private readonly connection: BullMqConnection) {}

  /** Resolves when it listens: what is told from then on is heard. */
  async listen(queue: string, onCancel: (taskId: string) => void): Promise<void> {
    const { connection } = this;
    const events = connection.events(queue);
    events.on<Listener>(CANCEL, ({ taskId }: { taskId: string }) => onCancel(taskId));
    const from = randomUUID();
    const heard = new Promise<void>((resolve) => {
      events.on<Listener>(HELLO, (event: { from: string }) => (event.from === from ? resolve() : undefined));
    });
    // Listeners begin with what is told after some moment, which nobody tells of.
    await connection.keepTrying(async () => {
      do {
        await this.#producer(queue).publishEvent({ eventName: HELLO, from });
      } while (!connection.isClosed && !(await isInTime(heard, PAUSE)));
    });
  }

  async tell(queue: string, taskId: string): Promise<void> {
    await this.#producer(queue).publishEvent({ eventName: CANCEL, taskId });
  }

  #producer(queue: string): QueueEventsProducer {
    const producer = this.#producers.get(queue) ?? this.connection.eventsProducer(queue);
    this.#producers.set(queue, producer);
    return producer;
  }
}
