import { randomUUID } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  Controller,
  Get,
  HttpCode,
  NotFoundException,
  Param,
  ParseUUIDPipe,
  Post,
  StreamableFile,
} from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { BackgroundTasks } from 'nestjs-background-tasks';
import { Orders } from '../orders/orders.service.ts';
import { reportsFolder } from '../parts.ts';
import { renderReport } from './report.task.ts';

const fileOf = (id: string) => join(reportsFolder, `${id}.pdf`);

@ApiTags('reports')
@Controller('reports')
export class ReportsController {
  constructor(
    private readonly orders: Orders,
    private readonly tasks: BackgroundTasks,
  ) {
    mkdirSync(reportsFolder, { recursive: true });
  }

  // #region report
  @Post()
  @HttpCode(202)
  async order() {
    const id = randomUUID();
    const rows = await this.orders.newest(10_000); // the thread gets a copy of them
    const task = this.tasks.addTask(renderReport, fileOf(id), rows);
    return { task, url: `/reports/${id}` };
  }
  // #endregion

  @Get(':id')
  download(@Param('id', ParseUUIDPipe) id: string) {
    const file = fileOf(id);
    if (!existsSync(file)) {
      throw new NotFoundException('There is no such report, or it is not finished yet');
    }
    return new StreamableFile(createReadStream(file), {
      type: 'application/pdf',
      disposition: 'attachment; filename="orders.pdf"',
    });
  }
}
