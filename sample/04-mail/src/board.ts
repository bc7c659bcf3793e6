import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import type { INestApplication } from '@nestjs/common';
import { BullMqQueues } from 'nestjs-background-tasks/bullmq';

/** Call it before `listen`. Everybody can use the board, so put it behind your authentication. */
export function mountBoard(app: INestApplication): void {
  const serverAdapter = new ExpressAdapter().setBasePath('/queues');
  const queues = app.get(BullMqQueues).all.map((queue) => new BullMQAdapter(queue));
  createBullBoard({ queues, serverAdapter });
  app.use('/queues', serverAdapter.getRouter());
}
