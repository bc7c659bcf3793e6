import { startScript } from './processes.mjs';
import { row } from './table.mjs';
import { takeTurns } from './turns.mjs';

export const unit = 'µs of CPU a task';

/** Tasks until V8 has compiled what is hot: the first 20,000 cost half as much again as later ones. */
const WARM_UP = 50_000;

/** A side: a process with one thread. */
export const thread = (kind, question, argument) => async () => {
  const { ask, stop } = await startScript('./threads.process.mjs', { kind });
  return {
    measure: () => ask(question, argument),
    warmUp: () => ask('many', { count: WARM_UP, inFlight: argument.inFlight ?? 1 }),
    stop,
  };
};

const comparisons = [
  ['one task in a thread, 64 in flight', 'many', { count: 20_000, inFlight: 64 }],
  ['one task in a thread, one after the other', 'many', { count: 5_000, inFlight: 1 }],
  ['the same by the clock, p50', 'single', { count: 3_000 }],
];

/** A task in a thread, beside Piscina. */
export async function* measure({ rounds }) {
  for (const [what, question, argument] of comparisons) {
    const sides = ['ours', 'piscina'].map((kind) => thread(kind, question, argument));
    const [ours, other] = await takeTurns(rounds, sides);
    yield row({ what, against: 'Piscina, the same function', ours, other });
  }
}
