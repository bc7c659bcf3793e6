import {
  Controller,
  Get,
  HttpCode,
  Inject,
  Post,
  Req,
  Res,
  SetMetadata,
  type Type,
  UseGuards,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import { markOwnRoutes } from '../util/own-routes.ts';
import { DashboardApi } from './dashboard-api.service.ts';
import type { DashboardRouting } from './dashboard.options.ts';
import { exchangeOf } from './http/exchange.ts';

/** What `@ApiExcludeController()` of `@nestjs/swagger` sets: the routes are the page's own, and no part of the application's API. */
const HIDDEN_FROM_SWAGGER = 'swagger/apiExcludeController';

/**
 * Makes the controller of one dashboard: the path and the guards belong to its class. Handlers take only the request and the
 * response, and write the answer themselves. So no pipe of the application checks anything, and no interceptor changes answers.
 */
export function dashboardController({ path, guards }: DashboardRouting): Type {
  @SetMetadata(HIDDEN_FROM_SWAGGER, [true])
  // Neutral: a page has no version, even if the application demands one.
  @Controller({ path, version: VERSION_NEUTRAL })
  class BackgroundTasksDashboardController {
    constructor(@Inject(DashboardApi) private readonly api: DashboardApi) {}

    @Get()
    index(@Req() request: object, @Res() response: object): Promise<void> {
      return this.api.page(exchangeOf(request, response));
    }

    @Get('assets/:file')
    asset(@Req() request: object, @Res() response: object): Promise<void> {
      return this.api.asset(exchangeOf(request, response));
    }

    @Get('api/overview')
    overview(@Req() request: object, @Res() response: object): Promise<void> {
      return this.api.overview(exchangeOf(request, response));
    }

    @Get('api/tasks')
    tasks(@Req() request: object, @Res() response: object): Promise<void> {
      return this.api.tasks(exchangeOf(request, response));
    }

    @Get('api/tasks/:id')
    task(@Req() request: object, @Res() response: object): Promise<void> {
      return this.api.task(exchangeOf(request, response));
    }

    @Get('api/schedules')
    schedules(@Req() request: object, @Res() response: object): Promise<void> {
      return this.api.schedules(exchangeOf(request, response));
    }

    @Get('api/events')
    events(@Req() request: object, @Res() response: object): Promise<void> {
      return this.api.events(exchangeOf(request, response));
    }

    @Post('api/tasks/retry')
    @HttpCode(200)
    retryAll(@Req() request: object, @Res() response: object): Promise<void> {
      return this.api.retryAll(exchangeOf(request, response));
    }

    @Post('api/tasks/:id/cancel')
    @HttpCode(200)
    cancel(@Req() request: object, @Res() response: object): Promise<void> {
      return this.api.cancel(exchangeOf(request, response));
    }

    @Post('api/tasks/:id/retry')
    @HttpCode(200)
    retry(@Req() request: object, @Res() response: object): Promise<void> {
      return this.api.retry(exchangeOf(request, response));
    }

    @Post('api/queues/:queue/pause')
    @HttpCode(200)
    pause(@Req() request: object, @Res() response: object): Promise<void> {
      return this.api.pause(exchangeOf(request, response));
    }

    @Post('api/queues/:queue/resume')
    @HttpCode(200)
    resume(@Req() request: object, @Res() response: object): Promise<void> {
      return this.api.resume(exchangeOf(request, response));
    }

    // The last route, because Express takes the first one that matches. It lists each depth of a path, because Express and
    // Fastify have no wildcard in common.
    @Get([':one', ':one/:two', ':one/:two/:three'])
    view(@Req() request: object, @Res() response: object): Promise<void> {
      return this.api.page(exchangeOf(request, response));
    }
  }
  if (guards !== 'open') {
    UseGuards(...guards)(BackgroundTasksDashboardController);
  }
  markOwnRoutes(BackgroundTasksDashboardController);
  return BackgroundTasksDashboardController;
}
