// Closes an application with a task that never ends. The application ends in time, and names the task.
// node hang.mjs [TIMEOUT]
import { report } from '../figures.mjs';
import { startServer } from './start-server.mjs';

const [shutdownTimeout = 3_000] = process.argv.slice(2).map(Number);

const server = await startServer({ shutdownTimeout });
const statuses = await Promise.all([
  server.post('/hang'),
  ...Array.from({ length: 50 }, (_, i) => server.post(`/orders/${i + 1}/2`)),
]);
const toldAt = performance.now();
server.child.kill('SIGTERM');
const { at } = await server.exited;
server.close();
const late = at - toldAt - shutdownTimeout;
const named = server.output().match(/"[^"]+" \([\da-f-]{36}\)/g) ?? [];
console.log(server.output().trim());
console.log(`A task that never ends, shutdownTimeout ${shutdownTimeout} ms`);
report('  ms from then to the end', Math.round(late), '0 to 1000', late >= -50 && late <= 1_000);
report('  tasks named', named.length, '1', named.length === 1 && named[0].startsWith('"hang"'));
const run = server.lines().length;
report('  others that were run', `${run} of 100`, '100', run === 100 && statuses.every((status) => status === 201));
