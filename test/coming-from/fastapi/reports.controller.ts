import { Body, Controller, Get, NotFoundException, Param, Post } from '@nestjs/common';
import { BackgroundTasks, TaskRegistry, Tasks } from 'nestjs-background-tasks';
import { generateReport } from './report.task.ts';

@Controller('reports')
export class ReportsController {
  constructor(private readonly registry: TaskRegistry) {}

  @Post()
  request(@Body() { userId, type }: { userId: number; type: string }, @Tasks() tasks: BackgroundTasks) {
    const { id } = tasks.addTask(generateReport, userId, type);
    return { message: 'Report generation started', id };
  }

  @Get(':id')
  async status(@Param('id') id: string) {
    const record = await this.registry.get(id);
    if (!record) {
      throw new NotFoundException();
    }
    return { status: record.status, progress: record.progress, result: record.result };
  }
}
