import { currentTask, defineTask } from 'nestjs-background-tasks/task';

const LINES = 200_000;

/** Keeps a processor busy, so it runs in a thread, and the event loop stays free. */
export const renderInvoice = defineTask(
  function renderInvoice(order: number) {
    let total = 0;
    for (let line = 1; line <= LINES; line++) {
      total += Math.sqrt(order * line) % 7;
      if (line % (LINES / 4) === 0) {
        currentTask()?.updateProgress(Math.round((line / LINES) * 100));
      }
    }
    return { order, total: Math.round(total) };
  },
  { thread: import.meta.url, timeout: 10_000 },
);
