import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.ts';
import { logFile } from './log.ts';

const port = Number(process.env['PORT'] ?? 3000);
const app = await NestFactory.create(AppModule);
app.enableShutdownHooks();
await app.listen(port, '127.0.0.1');

console.log(`
Listening on port ${port}. Try:

  curl -X POST 'http://localhost:${port}/send-notification/ada@example.com?q=weather'
  curl -X POST 'http://localhost:${port}/send-notification/grace@example.com'

Then see what the tasks wrote after the responses:

  cat ${logFile()}
`);
