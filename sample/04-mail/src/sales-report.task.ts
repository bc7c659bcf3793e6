import { currentTask, defineTask } from 'nestjs-background-tasks/task';

const CUSTOMERS = 997;

/** Finds the customers who bought most. This keeps a processor busy, so the worker process runs it in a thread. */
export const salesReport = defineTask(
  function salesReport(orders: number) {
    const totals = new Float64Array(CUSTOMERS);
    const tenth = Math.ceil(orders / 10);
    for (let order = 1; order <= orders; order++) {
      totals[(order * 31) % CUSTOMERS]! += ((order * 7_919) % 100_000) / 100;
      if (order % tenth === 0 || order === orders) {
        // In percent, because the board shows progress in percent.
        currentTask()?.updateProgress(Math.round((order / orders) * 100));
      }
    }
    const best = Array.from(totals, (total, customer) => ({ customer, total: Math.round(total) }))
      .toSorted((a, b) => b.total - a.total)
      .slice(0, 3);
    return { orders, best };
  },
  { queue: 'reports', thread: import.meta.url, timeout: 60_000 },
);
