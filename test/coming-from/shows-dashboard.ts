import { type CanActivate, type DynamicModule, type ExecutionContext, Injectable } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import request from 'supertest';
import { startDashboard } from '../dashboard/start-dashboard.ts';

/** Stands for the guard of an application. */
@Injectable()
export class AdminGuard implements CanActivate {
  canActivate(context: ExecutionContext) {
    const { headers } = context.switchToHttp().getRequest<IncomingMessage>();
    return headers.authorization === 'Bearer admin';
  }
}

/** Starts an application with the dashboard, and opens its page: only an admin gets in. */
export async function showsDashboard(dashboard: DynamicModule, path: string) {
  const { url } = await startDashboard({ dashboard });
  await request(url).get(path).redirects(1).expect(403);
  await request(url).get(path).set('authorization', 'Bearer admin').redirects(1).expect(200);
}
