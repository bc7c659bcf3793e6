import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { currentTask, Task } from 'nestjs-background-tasks';
import { connection } from './queue-server.ts';

@Injectable()
export class Importer {
  /** Imports rows, 200 ms each. The first attempt fails, to show that the task is retried. */
  @Task({
    ...(connection && { queue: 'imports' }),
    attempts: 3,
    backoff: { type: 'exponential', delay: 500, jitter: 0.5 },
  })
  async run(rows: number): Promise<{ imported: number }> {
    const { attempt, signal, updateProgress } = currentTask()!;
    if (attempt === 1) {
      throw new Error('the service is not available');
    }
    for (let done = 1; done <= rows; done++) {
      await sleep(200, undefined, { signal });
      updateProgress({ done, of: rows });
    }
    return { imported: rows };
  }
}
