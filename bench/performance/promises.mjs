import { PROMISES } from './by-hand.mjs';
import { application } from './requests.mjs';
import { row } from './table.mjs';
import { takeTurns } from './turns.mjs';

export const unit = 'µs of CPU a request; by hand, each row keeps one promise more than the one before';

/** What the promises of one task cost by themselves: written by hand, one after the other, and then our task beside all of them. */
export async function* measure(settings) {
  for (const platform of ['Express', 'Fastify']) {
    const byHand = Array.from({ length: PROMISES.length + 1 }, (_, promises) => ({
      platform,
      tasks: 'by-hand',
      promises,
    }));
    const ours = { platform, scope: 'DEFAULT', tasks: 'injected' };
    const sides = [...byHand, ours].map((spec) => application(spec, settings));
    const [plain, ...others] = await takeTurns(settings.rounds, sides);
    for (const [i, promise] of PROMISES.entries()) {
      yield row({ what: `${platform}: ${promise}`, against: "res.once('finish')", ours: others[i], other: plain });
    }
    yield row({
      what: `${platform}: one task, DEFAULT`,
      against: 'all of that by hand',
      ours: others.at(-1),
      other: others.at(-2),
    });
  }
}
