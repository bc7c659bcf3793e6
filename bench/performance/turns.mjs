/** Sides are started anew for every so many rounds: the same code costs a few percent more in one process than in another. */
const ROUNDS_OF_A_PROCESS = 6;

/**
 * Measures each side once in every round, in turns: the order of one round is the reverse of that before. The order in which
 * the sides are started changes in the same way.
 *
 * @param sides functions that start a side, and resolve with its `measure` and `stop`; without a `warmUp`, it is measured
 *   once before its first round
 * @returns for each side what `measure` resolved with, round by round
 */
export async function takeTurns(rounds, sides) {
  const figures = sides.map(() => []);
  const inTurn = (turn) => {
    const order = sides.map((_, i) => i);
    return turn % 2 === 0 ? order : order.toReversed();
  };
  for (let first = 0; first < rounds; first += ROUNDS_OF_A_PROCESS) {
    const started = [];
    const order = inTurn(first / ROUNDS_OF_A_PROCESS);
    try {
      for (const i of order) {
        started[i] = await sides[i]();
      }
      for (const i of order) {
        const { measure, warmUp = measure } = started[i];
        await warmUp();
      }
      for (let round = first; round < Math.min(rounds, first + ROUNDS_OF_A_PROCESS); round++) {
        for (const i of inTurn(round)) {
          figures[i].push(await started[i].measure());
        }
      }
    } finally {
      for (const side of started) {
        await side?.stop();
      }
    }
  }
  return figures;
}
