import { Injectable, type PipeTransform } from '@nestjs/common';
import { BackgroundTasks } from 'nestjs-background-tasks';
import { writeLog } from './log.ts';

/** Takes note of a query. It runs before the handler, so its task stands before those of the handler. */
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
