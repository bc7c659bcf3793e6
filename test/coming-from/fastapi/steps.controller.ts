import { setTimeout } from 'node:timers/promises';
import { Body, Controller, Post } from '@nestjs/common';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';

export const completed: string[] = [];

async function first(data: string) {
  await setTimeout(50);
  completed.push(`first ${data}`);
}

async function second(data: string) {
  completed.push(`second ${data}`);
}

async function third(data: string) {
  completed.push(`third ${data}`);
}

@Controller()
export class StepsController {
  @Post('process')
  process(@Body() { data }: { data: string }, @Tasks() tasks: BackgroundTasks) {
    tasks.addTask(first, data);
    tasks.addTask(second, data); // after `first`
    tasks.addTask(third, data);
    return { message: 'Processing started', data };
  }

  @Post('parallel')
  parallel(@Body() { data }: { data: string }, @Tasks() tasks: BackgroundTasks) {
    const parallel = tasks.with({ execution: 'parallel' });
    parallel.addTask(first, data);
    parallel.addTask(second, data); // at the same time
    return { message: 'Parallel processing started' };
  }
}
