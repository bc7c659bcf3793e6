import { startScript } from './processes.mjs';
import { row } from './table.mjs';
import { takeTurns } from './turns.mjs';

export const unit = 'µs of CPU a task';

/** A side: a process that runs tasks, or counts their bytes, by runner.process.mjs. */
export const runner = (kind, question, argument) => async () => {
  const { ask, stop } = await startScript('./runner.process.mjs', { kind }, ['--expose-gc']);
  return { measure: () => ask(question, argument), stop };
};

const comparisons = [
  ['200,000 tasks at once', 'µs', 'run', { count: 200_000, atOnce: 200_000 }],
  ['200,000 tasks, a thousand at a time', 'µs', 'run', { count: 200_000, atOnce: 1_000 }],
  ['bytes that a pending task holds', 'B', 'bytes', { count: 100_000 }],
];

/** Tasks of TaskRunner, with a history, beside p-queue. */
export async function* measure({ rounds }) {
  for (const [what, of, question, argument] of comparisons) {
    const sides = ['ours', 'p-queue', 'with-handles'].map((kind) => runner(kind, question, argument));
    const [ours, other, withHandles] = await takeTurns(rounds, sides);
    yield row({ what, against: 'p-queue 9, the same functions', unit: of, ours, other });
    yield row({ what, against: 'the same, with context and handle by hand', unit: of, ours, other: withHandles });
  }
  const left = runner('ours', 'left', { count: 200_000, atOnce: 1_000 });
  const [ours] = await takeTurns(rounds, [left]);
  yield row({ what: 'what 200,000 settled tasks leave in memory', unit: 'kB', ours });
}
