import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { createKeyv } from '@keyv/redis';
import { Keyv } from 'keyv';
import { redisUrl } from '../parts.ts';
import { CatalogController } from './catalog.controller.ts';
import { Catalog } from './catalog.service.ts';
import { Statistics } from './statistics.service.ts';

const openCache = () => (redisUrl ? createKeyv(redisUrl, { namespace: 'shop' }) : new Keyv());

@Module({
  controllers: [CatalogController],
  providers: [Catalog, Statistics, { provide: Keyv, useFactory: openCache }],
  exports: [Catalog],
})
export class CatalogModule implements OnApplicationShutdown {
  constructor(private readonly cache: Keyv) {}

  async onApplicationShutdown(): Promise<void> {
    await this.cache.disconnect();
  }
}
