// Fails if a task costs much more than docs/performance.md says, beside the same work done without this package: at least twice.
// Chance can't do that: a ratio that is too low is measured again, and fails if it is too low three times.
import { startStore } from '../queues/store.mjs';
import { loadTool } from './load.mjs';
import { web, worker } from './queues.sides.mjs';
import { application } from './requests.mjs';
import { runner } from './runner.mjs';
import { printHeading, printRow, row } from './table.mjs';
import { thread } from './threads.mjs';
import { takeTurns } from './turns.mjs';

/** Of two rounds, the better one counts. */
const ROUNDS = 2;
const TRIES = 3;
/** A gross regression shows before V8 has compiled all. */
const settings = { seconds: 1, warmUp: 2_000 };
const ours = { scope: 'REQUEST', tasks: 'injected' };
const byHand = { tasks: 'by-hand', isIntercepted: true, isScoped: true };
const batches = { count: 50_000, atOnce: 1_000 };
const inThread = { count: 5_000, inFlight: 64 };

const server = await startStore('redis');
const store = { url: server.url, prefix: 'short' };

/** @type {[what: string, limit: number, ours: Function, other: Function][]} */
const comparisons = [
  [
    'Fastify: one task, DEFAULT',
    0.25,
    application({ platform: 'Fastify', scope: 'DEFAULT', tasks: 'injected' }, settings),
    application({ platform: 'Fastify', tasks: 'by-hand' }, settings),
  ],
  [
    'Express: one task, injected, REQUEST',
    0.3,
    application({ platform: 'Express', ...ours }, settings),
    application({ platform: 'Express', ...byHand }, settings),
  ],
  [
    'tasks of TaskRunner, a thousand at a time',
    0.12,
    runner('ours', 'run', batches),
    runner('p-queue', 'run', batches),
  ],
  ['tasks in a thread', 0.25, thread('ours', 'many', inThread), thread('piscina', 'many', inThread)],
  ['one durable task a request', 0.12, web('ours', store, 1, settings), web('direct', store, 1, settings)],
  ['durable tasks that run', 0.18, worker('ours', store, 16, 2_000), worker('direct', store, 16, 2_000)],
];

console.log(`Node ${process.version}, requests by ${loadTool}: µs of CPU, the better of ${ROUNDS} rounds`);
printHeading();
try {
  for (const [what, limit, ...sides] of comparisons) {
    let measured;
    for (let tried = 0; tried < TRIES && !(measured?.ratio.median >= limit); tried++) {
      const [first, second] = await takeTurns(ROUNDS, sides);
      measured = row({ what, against: `ratio of at least ${limit}`, ours: first, other: second });
      printRow(measured);
    }
    if (measured.ratio.median < limit) {
      console.error(
        `${what}: expected a ratio of at least ${limit}, got less ${TRIES} times. Look for what costs more.`,
      );
      process.exitCode = 1;
    }
  }
} finally {
  await server.stop();
}
