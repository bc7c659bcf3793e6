import { Module } from '@nestjs/common';
import { OrdersModule } from '../orders/orders.module.ts';
import { ReportsController } from './reports.controller.ts';

@Module({ imports: [OrdersModule], controllers: [ReportsController] })
export class ReportsModule {}
