import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.ts';
import { placeOrders } from './customers.ts';
import { startTracing } from './tracing.ts';

startTracing(console.log);
const app = await NestFactory.create(AppModule);
app.enableShutdownHooks();
await app.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1');
const url = await app.getUrl();

console.log(`
Listening at ${url}. Every span is a line here. Customers place an order each second. Open the dashboard in a browser:

  ${url}/background-tasks

Read the metrics, or place an order yourself. The number of an order decides what goes wrong:

  curl ${url}/metrics
  curl -X POST ${url}/orders/60
`);
await placeOrders(url);
