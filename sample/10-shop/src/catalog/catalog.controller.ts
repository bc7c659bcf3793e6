import { Body, Controller, Get, Param, ParseIntPipe, Post, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { BackgroundTasks } from 'nestjs-background-tasks';
import { PriceDto, ReviewDto } from './catalog.dto.ts';
import { Catalog } from './catalog.service.ts';
import { Statistics } from './statistics.service.ts';

@ApiTags('products')
@Controller('products')
export class CatalogController {
  constructor(
    private readonly catalog: Catalog,
    private readonly statistics: Statistics,
    private readonly tasks: BackgroundTasks,
  ) {}

  @Get()
  list() {
    return this.catalog.list();
  }

  @Get(':id')
  find(@Param('id', ParseIntPipe) id: number) {
    return this.catalog.find(id);
  }

  // #region cache
  @Put(':id/price')
  async setPrice(@Param('id', ParseIntPipe) id: number, @Body() { price }: PriceDto) {
    const product = await this.catalog.setPrice(id, price);
    const task = this.tasks.addTask(this.catalog, 'refreshCache', id);
    return { product, task };
  }
  // #endregion

  // #region statistics
  @Post(':id/reviews')
  async review(@Param('id', ParseIntPipe) id: number, @Body() { stars }: ReviewDto) {
    const product = await this.catalog.read(id);
    await this.statistics.addReview(product.id, stars);
    const task = this.tasks.addTask(this.statistics, 'updateRating', product.id);
    return { product, task };
  }
  // #endregion

  @Get(':id/rating')
  rating(@Param('id', ParseIntPipe) id: number) {
    return this.statistics.ratingOf(id);
  }
}
