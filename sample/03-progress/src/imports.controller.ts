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
import { BackgroundTasks, TaskRegistry, Tasks, type TaskRecord } from 'nestjs-background-tasks';
import { map, type Observable } from 'rxjs';
import { Importer } from './importer.service.ts';

@Controller('imports')
export class ImportsController {
  constructor(
    private readonly importer: Importer,
    private readonly registry: TaskRegistry,
  ) {}

  @Post()
  @HttpCode(202)
  start(@Query('rows', new DefaultValuePipe(50), ParseIntPipe) rows: number, @Tasks() tasks: BackgroundTasks) {
    return { taskId: tasks.addTask(this.importer, 'run', rows).id };
  }

  @Get(':id')
  async poll(@Param('id') id: string): Promise<TaskRecord> {
    const record = await this.registry.get(id);
    if (!record) {
      throw new NotFoundException();
    }
    return record;
  }

  /** Sends the record of the task now, and again at each change until the task has settled, in any process. */
  @Sse(':id/events')
  follow(@Param('id') id: string): Observable<MessageEvent> {
    return this.registry.follow(id).pipe(map((data) => ({ data })));
  }

  @Delete(':id')
  @HttpCode(204)
  async cancel(@Param('id') id: string): Promise<void> {
    if (!(await this.registry.cancel(id))) {
      throw new NotFoundException();
    }
  }
}
