import { NestFactory } from '@nestjs/core';
import { mountBoard } from './board.ts';
import { WebModule } from './web.module.ts';

const port = Number(process.env['PORT'] ?? 3000);
const app = await NestFactory.create(WebModule);
mountBoard(app);
app.enableShutdownHooks();
await app.listen(port, '127.0.0.1');

console.log(`
Listening on port ${port}. Sign up, once with an address that fails, and order a report:

  curl http://localhost:${port}/signups -d email=ada@example.com
  curl http://localhost:${port}/signups -d email=fail@example.com
  curl -X POST http://localhost:${port}/reports
  curl http://localhost:${port}/tasks/<taskId>

The tasks are in their queues and wait for a worker. Start one, or several, in other terminals:

  npm start 04 worker

Open the queues in a browser, correct the address that failed in the data of its task, and retry the task:

  http://localhost:${port}/queues
`);
