import { Injectable, type PipeTransform } from '@nestjs/common';
import { BackgroundTasks } from 'nestjs-background-tasks';
import { writeLog } from './log.ts';

/** Logs the query. Pipes run before the handler, so this task runs before the task of the handler. */
@Injectable()
export class FoundQueryPipe implements PipeTransform<string | undefined> {
  constructor(private readonly tasks: BackgroundTasks) {}

  transform(q: string | undefined) {
    if (q) {
      this.tasks.addTask(writeLog, `found query: ${q}\n`);
    }
    return q;
  }
}
