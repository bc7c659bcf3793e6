// Sends SIGTERM to an application under load, many times. No task of an answered request may be lost.
// node sigterm.mjs [ROUNDS] [REQUESTS]
import { report } from '../figures.mjs';
import { startServer } from './start-server.mjs';

const [rounds = 50, requests = 2_000] = process.argv.slice(2).map(Number);
const AT_ONCE = 64;

const total = { whole: 0, unavailable: 0, tasks: 0, lost: 0, doubled: 0, afterDatabase: 0, foreign: 0, badExits: 0 };
const times = [];

for (let round = 0; round < rounds; round++) {
  const server = await startServer();
  const counts = new Map();
  let next = 1;
  let toldAt;
  // After 10 % to 90 % of the requests.
  const tellAt = Math.floor(requests * (0.1 + Math.random() * 0.8));
  const client = async () => {
    while (next <= requests) {
      const id = next++;
      if (id === tellAt) {
        toldAt = performance.now();
        server.child.kill('SIGTERM');
      }
      const count = 1 + (id % 3);
      const status = await server.post(`/orders/${id}/${count}`, id % 20 === 7 ? Math.random() * 30 : undefined);
      if (status === 201) {
        counts.set(id, count);
      } else if (status === 503) {
        total.unavailable++;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  const { code, signal, at } = await server.exited;
  server.close();
  times.push(at - toldAt);
  total.badExits += signal === 'SIGTERM' && code === null ? 0 : 1;

  const ran = new Map();
  for (const line of server.lines()) {
    if (line.startsWith('closed before')) {
      total.afterDatabase++;
    } else {
      ran.set(line, (ran.get(line) ?? 0) + 1);
    }
  }
  for (const [id, count] of counts) {
    total.whole++;
    total.tasks += count;
    for (let i = 0; i < count; i++) {
      total.lost += ran.has(`${id}/${i}`) ? 0 : 1;
    }
  }
  total.doubled += [...ran.values()].filter((count) => count > 1).length;
  if (server.output()) {
    console.log(server.output());
  }
}

console.log(`${rounds} times SIGTERM under ${requests} requests, ${AT_ONCE} at once`);
report('  responses that came whole', total.whole);
report('  tasks of those', total.tasks);
report('  refused with a 503', total.unavailable);
report('  tasks lost', total.lost, '0', total.lost === 0);
report('  tasks run twice', total.doubled, '0', total.doubled === 0);
report('  tasks that found the database closed', total.afterDatabase, '0', total.afterDatabase === 0);
report('  exits by anything but the signal', total.badExits, '0', total.badExits === 0);
report(
  '  ms from the signal to the end, at the most',
  Math.round(Math.max(...times)),
  '< 5000',
  Math.max(...times) < 5_000,
);
