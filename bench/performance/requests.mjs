import { underLoad } from './load.mjs';
import { startScript } from './processes.mjs';
import { row } from './table.mjs';
import { takeTurns } from './turns.mjs';

export const unit = 'µs of CPU a request';

/** A side: an application as requests.server.mjs describes it. */
export const application = (spec, settings) => async () => {
  const { started, ask, stop } = await startScript('./requests.server.mjs', spec);
  const url = `http://127.0.0.1:${started.port}/`;
  return { ...underLoad(url, () => ask('cpuTime'), settings), url, ask, stop };
};

const interceptor = { isIntercepted: true };
const byHand = { tasks: 'by-hand' };

/** @type {[what: string, ours: object, against: string, other: object][]} */
const comparisons = [
  ['the same application twice: what chance does', {}, 'itself', {}],
  ['no task, DEFAULT', { scope: 'DEFAULT' }, 'without the module', {}],
  ['no task, REQUEST', { scope: 'REQUEST' }, 'an empty global interceptor', interceptor],
  ['one task, DEFAULT', { scope: 'DEFAULT', tasks: 'injected' }, "res.once('finish')", byHand],
  [
    'one task, @Tasks(), REQUEST',
    { scope: 'REQUEST', tasks: 'parameter' },
    "res.once('finish'), interceptor",
    { ...byHand, ...interceptor },
  ],
  [
    'one task, @Tasks(), REQUEST',
    { scope: 'REQUEST', tasks: 'parameter' },
    'the same by a pipe, watching interceptor',
    { ...byHand, ...interceptor, isPiped: true, isWatched: true },
  ],
  [
    'one task, injected, REQUEST',
    { scope: 'REQUEST', tasks: 'injected' },
    "res.once('finish'), interceptor, scoped provider",
    { ...byHand, ...interceptor, isScoped: true },
  ],
  [
    'one task, injected, REQUEST',
    { scope: 'REQUEST', tasks: 'injected' },
    'the same, with dependencies, watching interceptor',
    { ...byHand, ...interceptor, isScoped: true, hasDependencies: true, isWatched: true },
  ],
];

/** What a request pays for the module and for one task, beside the same done by hand. */
export async function* measure(settings) {
  for (const platform of ['Express', 'Fastify']) {
    for (const [what, ours, against, other] of comparisons) {
      const [first, second] = await takeTurns(
        settings.rounds,
        [ours, other].map((spec) => application({ platform, ...spec }, settings)),
      );
      yield row({ what: `${platform}: ${what}`, against, ours: first, other: second });
    }
  }
}
