import { Controller, HttpCode, Param, ParseIntPipe, Post } from '@nestjs/common';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';
import { Payments } from './payments.service.ts';
import { renderInvoice } from './render-invoice.task.ts';
import { Shop } from './shop.service.ts';

@Controller('orders')
export class OrdersController {
  constructor(
    private readonly shop: Shop,
    private readonly payments: Payments,
  ) {}

  /** Adds tasks of each kind. */
  @Post(':order')
  @HttpCode(202)
  place(@Param('order', ParseIntPipe) order: number, @Tasks() tasks: BackgroundTasks) {
    tasks.addTask(this.shop, 'sendReceipt', order);
    tasks.addTask(renderInvoice, order);
    tasks.addTask(this.payments, 'capture', order);
    if (order % 3 === 0) {
      tasks.addTask(this.shop, 'importStock', order);
    }
    if (order % 4 === 0) {
      tasks.addTask(this.shop, 'computePrices', order);
    }
    if (order % 5 === 0) {
      tasks.addTask(this.shop, 'callPartner', order);
    }
    return { order };
  }
}
