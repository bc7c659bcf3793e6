import { Module } from '@nestjs/common';
import { CatalogModule } from '../catalog/catalog.module.ts';
import { MailModule } from '../mail/mail.module.ts';
import { Fulfilment } from './fulfilment.service.ts';
import { OrdersController } from './orders.controller.ts';
import { Orders } from './orders.service.ts';

@Module({
  imports: [CatalogModule, MailModule],
  controllers: [OrdersController],
  providers: [Orders, Fulfilment],
  exports: [Orders],
})
export class OrdersModule {}
