import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.ts';

const app = await NestFactory.create(AppModule);
app.enableShutdownHooks();
await app.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1');
const url = await app.getUrl();

console.log(`
Listening at ${url}. Start an import, follow it, and cancel it:

  curl -X POST '${url}/imports?rows=50'
  curl ${url}/imports/…
  curl -N ${url}/imports/…/events
  curl -X DELETE ${url}/imports/…
`);
