import { MemoryJobs } from '../../lib/testing/memory/memory-jobs.ts';
import {
  MEMORY_QUEUE_OPTIONS,
  type MemoryQueueOptions,
  MemoryTaskQueue,
} from '../../lib/testing/memory/memory-task-queue.ts';
import { describeTaskQueue, type TaskQueueHarness } from '../durable/task-queue.contract.ts';

const MAX_SIZE = 20_000;

/** The queue of the testing kit. Repeating tasks run only when a test says so. */
function memoryHarness(): TaskQueueHarness {
  class MemoryModule {}
  const jobs = { provide: MemoryJobs, useValue: new MemoryJobs() };
  return {
    isShared: true,
    hasSchedules: false,
    maxSize: MAX_SIZE,
    keepsOpen: [],
    module({ takes, slots }) {
      const useValue: MemoryQueueOptions = { isAutomatic: true, skipsDelays: false, takes, slots, maxSize: MAX_SIZE };
      return {
        module: MemoryModule,
        providers: [jobs, { provide: MEMORY_QUEUE_OPTIONS, useValue }, MemoryTaskQueue],
      };
    },
    dispose: async () => undefined,
  };
}

describeTaskQueue('memory', memoryHarness());
