import { NestFactory } from '@nestjs/core';
import { WorkerModule } from './worker.module.ts';

const app = await NestFactory.createApplicationContext(WorkerModule);
app.enableShutdownHooks();
