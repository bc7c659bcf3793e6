import { until } from './until.mjs';

/**
 * Waits until all tasks that were accepted are completed, for as long as something moves.
 *
 * @returns lost: their numbers; unfinished: records that never came to be completed; repeated: the runs of each task that
 *   was run more than once
 */
export async function endOfTasks(load, notes, server, patience = 60_000) {
  const { accepted } = load;
  // What processes have noted first: to ask the store all the time would keep it from its work.
  const lost = await untilNoneIsLeft(accepted, patience, () => {
    const ended = new Set(notes.runs.filter(({ endedAt }) => endedAt).map(({ task }) => task));
    return (task) => !ended.has(task);
  });
  const records = new Map();
  const ids = load.answers.flatMap((answer) => answer.ids);
  // Of those that are completed, only so many are kept.
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

/** What is left of all when it is none, or when it has not become less for so many ms. */
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
