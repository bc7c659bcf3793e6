/** Sides are started anew for every so many rounds: the same code costs a few percent more in one process than in another. */
const ROUNDS_OF_A_PROCESS = 3;

/**
 * Measures each side once in every round, in turns: the order of one round is the reverse of that before.
 *
 * @param sides functions that start a side, and resolve with its `measure` and `stop`; without a `warmUp`, it is measured
 *   once before its first round
 * @returns for each side what `measure` resolved with, round by round
 */
export async function takeTurns(rounds, sides) {
  const figures = sides.map(() => []);
  for (let first = 0; first < rounds; first += ROUNDS_OF_A_PROCESS) {
    const started = [];
    try {
      for (const start of sides) {
        started.push(await start());
      }
      for (const { measure, warmUp = measure } of started) {
        await warmUp();
      }
      for (let round = first; round < Math.min(rounds, first + ROUNDS_OF_A_PROCESS); round++) {
        const order = sides.map((_, i) => i);
        for (const i of round % 2 === 0 ? order : order.toReversed()) {
          figures[i].push(await started[i].measure());
        }
      }
    } finally {
      for (const { stop } of started) {
        await stop();
      }
    }
  }
  return figures;
}
