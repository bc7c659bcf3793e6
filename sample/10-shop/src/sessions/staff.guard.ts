import { Injectable, UnauthorizedException, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { Sessions } from './sessions.service.ts';

/** Lets in staff who have logged in. The dashboard uses it. */
@Injectable()
export class StaffGuard implements CanActivate {
  constructor(private readonly sessions: Sessions) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { headers } = context.switchToHttp().getRequest<Request>();
    const [, token] = /(?:^|; )session=([\w-]+)/.exec(headers.cookie ?? '') ?? [];
    const user = token && (await this.sessions.userOf(token));
    if (!user || !user.isStaff) {
      throw new UnauthorizedException('Log in on the page of the shop first');
    }
    return true;
  }
}
