import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.ts';

const port = Number(process.env['PORT'] ?? 3000);
const app = await NestFactory.create(AppModule);
app.enableShutdownHooks();
await app.listen(port, '127.0.0.1');

console.log(`
Listening on port ${port}. Order a report of 2,000 pages, see that the application answers in the meantime, and download the report when it is finished:

  curl -X POST 'http://localhost:${port}/reports?pages=2000'
  curl -w ' in %{time_total} s\\n' http://localhost:${port}/ping
  curl -f -o report.pdf http://localhost:${port}/reports/…
`);
