import { Controller, HttpCode, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { BackgroundTasks } from 'nestjs-background-tasks';
import { Importer } from './importer.service.ts';

@ApiTags('imports')
@Controller('imports')
export class ImportsController {
  constructor(
    private readonly importer: Importer,
    private readonly tasks: BackgroundTasks,
  ) {}

  @Post()
  @HttpCode(202)
  start() {
    return { task: this.tasks.addTask(this.importer, 'importProducts') };
  }
}
