import { Controller, Delete, Get, HttpCode, NotFoundException, Param, Sse, type MessageEvent } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { TaskRegistry } from 'nestjs-background-tasks';
import { map, type Observable } from 'rxjs';

/** Nobody can guess the id of a task, so who has it was given it. Ask for more where results are private. */
@ApiTags('tasks')
@Controller('tasks')
export class TasksController {
  constructor(private readonly registry: TaskRegistry) {}

  // #region progress
  @Get(':id')
  async poll(@Param('id') id: string) {
    return (await this.registry.get(id)) ?? this.#unknown();
  }

  @Sse(':id/events')
  follow(@Param('id') id: string): Observable<MessageEvent> {
    return this.registry.follow(id).pipe(map((data) => ({ data })));
  }
  // #endregion

  @Delete(':id')
  @HttpCode(204)
  async cancel(@Param('id') id: string): Promise<void> {
    if (!(await this.registry.cancel(id))) {
      this.#unknown();
    }
  }

  #unknown(): never {
    throw new NotFoundException('There is no such task, or it has settled');
  }
}
