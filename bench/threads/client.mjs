// Sends requests to a route for a while, and prints how long each answer took, in ms.
import { Agent, get } from 'node:http';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const [, , port, duration] = process.argv.map(Number);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const times = [];
const end = performance.now() + duration;
while (performance.now() < end) {
  const start = performance.now();
  const [response] = await once(get({ agent, host: '127.0.0.1', port, path: '/ping' }), 'response');
  await response.resume().toArray();
  times.push(performance.now() - start);
  await sleep(2);
}
console.log(JSON.stringify(times));
