import { Controller, Get, NotFoundException, Param } from '@nestjs/common';
import { TaskRegistry, type TaskRecord } from 'nestjs-background-tasks';

@Controller('tasks')
export class TasksController {
  constructor(private readonly registry: TaskRegistry) {}

  /** Returns the record of a task, no matter which process runs it. */
  @Get(':id')
  async find(@Param('id') id: string): Promise<TaskRecord> {
    const record = await this.registry.get(id);
    if (!record) {
      throw new NotFoundException();
    }
    return record;
  }
}
