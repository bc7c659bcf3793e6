import { Body, Controller, Get, NotFoundException, Param, Post } from '@nestjs/common';
import { BackgroundTasks, TaskRegistry, Tasks } from 'nestjs-background-tasks';

async function heavyProcess({ n }: { n: number }) {
  if (n < 0) {
    throw new RangeError('n is negative');
  }
  return n * 2;
}

@Controller('tracked')
export class TrackingController {
  constructor(private readonly registry: TaskRegistry) {}

  @Post()
  start(@Body() data: { n: number }, @Tasks() tasks: BackgroundTasks) {
    return { taskId: tasks.addTask(heavyProcess, data).id };
  }

  @Get(':id')
  async status(@Param('id') id: string) {
    const record = await this.registry.get(id);
    if (!record) {
      throw new NotFoundException('Task not found');
    }
    return { status: record.status, result: record.result, error: record.error?.message };
  }
}
