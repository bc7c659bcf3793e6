import {
  Controller,
  DefaultValuePipe,
  Delete,
  Get,
  HttpCode,
  NotFoundException,
  Param,
  ParseIntPipe,
  Post,
  Query,
  Sse,
  type MessageEvent,
} from '@nestjs/common';
import { BackgroundTasks, TaskRegistry, TaskRunner, Tasks, type TaskRecord } from 'nestjs-background-tasks';
import { concat, distinctUntilChanged, filter, from, map, takeWhile, type Observable } from 'rxjs';
import { Importer } from './importer.service.ts';

@Controller('imports')
export class ImportsController {
  constructor(
    private readonly importer: Importer,
    private readonly registry: TaskRegistry,
    private readonly runner: TaskRunner,
  ) {}

  @Post()
  @HttpCode(202)
  start(@Query('rows', new DefaultValuePipe(50), ParseIntPipe) rows: number, @Tasks() tasks: BackgroundTasks) {
    const task = tasks
      .with({ attempts: 3, backoff: { type: 'exponential', delay: 500, jitter: 0.5 } })
      .addTask(this.importer, 'run', rows);
    return { taskId: task.id };
  }

  @Get(':id')
  async poll(@Param('id') id: string): Promise<TaskRecord> {
    const record = await this.registry.get(id);
    if (!record) {
      throw new NotFoundException();
    }
    return record;
  }

  /** Sends the record of the task now, and again at each step until the task has settled. */
  @Sse(':id/events')
  async follow(@Param('id') id: string): Promise<Observable<MessageEvent>> {
    const now = await this.poll(id);
    const later = this.runner.events.pipe(
      map(({ task }) => task),
      filter((task) => task.id === id),
    );
    return concat(from([now]), now.finishedAt ? from([]) : later).pipe(
      distinctUntilChanged((a, b) => JSON.stringify(a) === JSON.stringify(b)),
      takeWhile((task) => !task.finishedAt, true),
      map((data) => ({ data })),
    );
  }

  @Delete(':id')
  @HttpCode(204)
  async cancel(@Param('id') id: string): Promise<void> {
    if (!(await this.registry.cancel(id))) {
      throw new NotFoundException();
    }
  }
}
