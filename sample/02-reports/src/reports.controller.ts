import { randomUUID } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Controller,
  DefaultValuePipe,
  Get,
  HttpCode,
  NotFoundException,
  Param,
  ParseIntPipe,
  ParseUUIDPipe,
  Post,
  Query,
  StreamableFile,
} from '@nestjs/common';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';
import { renderReport } from './report.task.ts';

const fileOf = (id: string) => join(tmpdir(), `report-${id}.pdf`);

@Controller()
export class ReportsController {
  @Post('reports')
  @HttpCode(202)
  order(@Query('pages', new DefaultValuePipe(300), ParseIntPipe) pages: number, @Tasks() tasks: BackgroundTasks) {
    const id = randomUUID();
    tasks.addTask(renderReport, fileOf(id), 'Sales', pages);
    return { message: 'The report is being made', url: `/reports/${id}` };
  }

  @Get('reports/:id')
  fetch(@Param('id', ParseUUIDPipe) id: string) {
    const file = fileOf(id);
    if (!existsSync(file)) {
      throw new NotFoundException('There is no such report, or it is not finished yet');
    }
    return new StreamableFile(createReadStream(file), { type: 'application/pdf' });
  }

  /** Answers at once, also while a report is made. */
  @Get('ping')
  ping() {
    return { pong: new Date() };
  }
}
