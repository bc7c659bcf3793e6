import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.ts';

const port = Number(process.env['PORT'] ?? 3000);
const app = await NestFactory.create(AppModule);
app.enableShutdownHooks();
await app.listen(port, '127.0.0.1');

console.log(`
Listening on port ${port}. Start an import, follow it, and cancel it:

  curl -X POST 'http://localhost:${port}/imports?rows=50'
  curl http://localhost:${port}/imports/…
  curl -N http://localhost:${port}/imports/…/events
  curl -X DELETE http://localhost:${port}/imports/…
`);
