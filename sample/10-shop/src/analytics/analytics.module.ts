import { Controller, Get, Module } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { ApiTags } from '@nestjs/swagger';
import { AnalyticsInterceptor } from './analytics.interceptor.ts';
import { Analytics } from './analytics.service.ts';

@ApiTags('analytics')
@Controller('analytics')
class AnalyticsController {
  constructor(private readonly analytics: Analytics) {}

  @Get()
  most() {
    return this.analytics.most();
  }
}

@Module({
  controllers: [AnalyticsController],
  providers: [Analytics, { provide: APP_INTERCEPTOR, useClass: AnalyticsInterceptor }],
})
export class AnalyticsModule {}
