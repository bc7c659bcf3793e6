import { Controller, DefaultValuePipe, HttpCode, ParseIntPipe, Post, Query } from '@nestjs/common';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';
import { salesReport } from './sales-report.task.ts';

@Controller('reports')
export class ReportsController {
  @Post()
  @HttpCode(202)
  order(
    @Query('orders', new DefaultValuePipe(50_000_000), ParseIntPipe) orders: number,
    @Tasks() tasks: BackgroundTasks,
  ) {
    const task = tasks.addTask(salesReport, orders);
    return { taskId: task.id };
  }
}
