import { Body, Controller, Get, HttpCode, Param, ParseIntPipe, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { BackgroundTasks, chain, previousResult, step } from 'nestjs-background-tasks';
import { Fulfilment } from './fulfilment.service.ts';
import { OrderDto } from './orders.dto.ts';
import { Orders } from './orders.service.ts';

@ApiTags('orders')
@Controller('orders')
export class OrdersController {
  constructor(
    private readonly orders: Orders,
    private readonly fulfilment: Fulfilment,
    private readonly tasks: BackgroundTasks,
  ) {}

  @Post()
  place(@Body() { productId, quantity, email }: OrderDto) {
    return this.orders.place(productId, quantity, email);
  }

  @Get(':id')
  find(@Param('id', ParseIntPipe) id: number) {
    return this.orders.find(id);
  }

  // #region chain
  @Post(':id/fulfilment')
  @HttpCode(202)
  async fulfil(@Param('id', ParseIntPipe) id: number) {
    const order = await this.orders.find(id);
    const task = this.tasks.addTask(
      chain(
        step(this.fulfilment, 'reserveStock', order.id),
        step(this.fulfilment, 'chargeCard', previousResult),
        step(this.fulfilment, 'ship', previousResult),
      ),
    );
    return { task }; // the last step: its result is that of the chain
  }
  // #endregion
}
