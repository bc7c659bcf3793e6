import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Body, Controller, Get, Injectable, NotFoundException, Param, Post } from '@nestjs/common';
import { BackgroundTasks, Task, TaskRegistry, Tasks } from 'nestjs-background-tasks';

@Injectable()
export class LargeFiles {
  @Task({ queue: 'files', timeout: 600_000 })
  async process(path: string) {
    return { path, lines: 2 }; // the heavy work
  }
}

@Controller('process')
export class FilesController {
  constructor(
    private readonly files: LargeFiles,
    private readonly registry: TaskRegistry,
  ) {}

  @Post()
  async start(@Body() { name, text }: { name: string; text: string }, @Tasks() tasks: BackgroundTasks) {
    const path = join(tmpdir(), name);
    await writeFile(path, text);
    const { id, status } = tasks.addTask(this.files, 'process', path);
    return { id, status };
  }

  @Get(':id')
  async status(@Param('id') id: string) {
    const record = await this.registry.get(id);
    if (!record) {
      throw new NotFoundException('Task not found');
    }
    return { status: record.status, result: record.result };
  }
}
