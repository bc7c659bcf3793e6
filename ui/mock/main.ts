// Serves the built page with tasks that are made up: `npm run build`, then `npm run dashboard:mock`.
import { join } from 'node:path';
import { MockServer } from './mock-server.ts';
import { World } from './world.ts';

const page = join(import.meta.dirname, '../../dist/dashboard/page');
const server = new MockServer({ world: new World(), page });
await server.start();
server.live();
process.stdout.write(`${server.url}\n`);
