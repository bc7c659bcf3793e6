import { appendFile } from 'node:fs/promises';
import { Controller, Injectable, Param, type PipeTransform, Post, Query } from '@nestjs/common';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';

async function writeLog(message: string) {
  await appendFile('log.txt', message);
}

@Injectable()
class LoggedQuery implements PipeTransform {
  constructor(private readonly tasks: BackgroundTasks) {}

  transform(q?: string) {
    if (q) {
      this.tasks.addTask(writeLog, `found query: ${q}\n`);
    }
    return q;
  }
}

@Controller()
export class QueryController {
  @Post('send-notification/:email')
  send(
    @Param('email') email: string,
    @Query('q', LoggedQuery) _q: string | undefined,
    @Tasks() tasks: BackgroundTasks,
  ) {
    tasks.addTask(writeLog, `message to ${email}\n`);
    return { message: 'Message sent' };
  }
}
