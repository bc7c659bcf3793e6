import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { SwaggerModule } from '@nestjs/swagger';
import { AppModule } from './app.module.ts';
import { describeApi } from './page/describe-api.ts';
import { pageHeaders } from './page/page-headers.ts';
import { parts } from './parts.ts';

const app = await NestFactory.create<NestExpressApplication>(AppModule);
// At SIGTERM and Ctrl+C, the tasks that the shop has accepted run to their end first.
app.enableShutdownHooks();
app.useStaticAssets(join(import.meta.dirname, '../public'), { setHeaders: pageHeaders });
SwaggerModule.setup('api', app, () => describeApi(app));
await app.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1');
const url = await app.getUrl();

console.log(`
The shop is open. Each button on its page shows one use of background tasks, and the code behind it:

  ${url}

The API is at ${url}/api, and the dashboard at ${url}/background-tasks.

${Object.entries(parts)
  .map(([part, used]) => `  ${`${part}:`.padEnd(10)} ${used}`)
  .join('\n')}
`);
