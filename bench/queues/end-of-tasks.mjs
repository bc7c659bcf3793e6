import { until } from './until.mjs';

/**
 * Waits until all accepted tasks are completed. Gives up when no task ends for a while.
 *
 * @returns lost: the numbers of lost tasks; unfinished: records that are not completed; repeated: the runs of each task
 *   that ran more than once
 */
export async function endOfTasks(load, notes, server, patience = 60_000) {
  const { accepted } = load;
  // Reads the notes of the processes first: to ask the server all the time would slow it down.
  const lost = await untilNoneIsLeft(accepted, patience, () => {
    const ended = new Set(notes.runs.filter(({ endedAt }) => endedAt).map(({ task }) => task));
    return (task) => !ended.has(task);
  });
  const records = new Map();
  const ids = load.answers.flatMap((answer) => answer.ids);
  // A task without a record counts as completed: each queue keeps a limited number of completed tasks.
  const isUnfinished = (id) => (records.get(id)?.status ?? 'completed') !== 'completed';
  const unfinished = await untilNoneIsLeft(ids, patience, async (left) => {
    for (const [i, record] of (await server.records(left)).entries()) {
      records.set(left[i], record);
    }
    return isUnfinished;
  });
  return {
    lost,
    unfinished: unfinished.map((id) => records.get(id)),
    repeated: [...notes.tasks.values()].filter((runs) => runs.length > 1),
  };
}

/** Waits until none is left, or until the number has not fallen for `patience` ms. @returns those that are left */
async function untilNoneIsLeft(all, patience, look) {
  let left = all;
  let lastMove = performance.now();
  await until(async () => {
    const before = left.length;
    left = left.filter(await look(left));
    if (left.length < before) {
      lastMove = performance.now();
    }
    return left.length === 0 || performance.now() - lastMove > patience;
  }, Infinity);
  return left;
}
