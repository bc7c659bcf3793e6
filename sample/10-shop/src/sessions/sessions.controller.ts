import { Body, Controller, Get, HttpCode, Ip, Post, Res, UnauthorizedException } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { BackgroundTasks, TaskRegistry } from 'nestjs-background-tasks';
import { BullMqQueues } from 'nestjs-background-tasks/bullmq';
import { Users } from '../users/users.service.ts';
import { Audit } from './audit.service.ts';
import { LogInDto } from './sessions.dto.ts';
import { SESSION_HOURS, Sessions } from './sessions.service.ts';

@ApiTags('sessions')
@Controller('sessions')
export class SessionsController {
  constructor(
    private readonly users: Users,
    private readonly sessions: Sessions,
    private readonly audit: Audit,
    private readonly tasks: BackgroundTasks,
    private readonly registry: TaskRegistry,
    private readonly queues: BullMqQueues,
  ) {}

  // #region audit
  @Post()
  async logIn(@Body() { email, password }: LogInDto, @Ip() ip: string, @Res({ passthrough: true }) response: Response) {
    this.tasks.with({ runOn: 'failure' }).addTask(this.audit, 'recordRefusal', email, ip); // skipped if the login succeeds
    const user = await this.users.authenticate(email, password);
    if (!user) {
      throw new UnauthorizedException('The address or the password is wrong');
    }
    const token = await this.sessions.open(user.id);
    // On HTTPS, add `secure: true`.
    response.cookie('session', token, { httpOnly: true, sameSite: 'lax', maxAge: SESSION_HOURS * 3_600_000 });
    return { name: user.name };
  }
  // #endregion

  @Get('refused')
  refused() {
    return this.audit.newest();
  }

  // #region clean-up
  @Get('clean-up')
  async cleanUps() {
    const [last] = await this.registry.list({ queue: 'housekeeping', status: 'completed', limit: 1 });
    const [schedule] = await this.queues.get('housekeeping').getJobSchedulers();
    return { last, next: schedule?.next && new Date(schedule.next) };
  }

  /** Runs it now, in addition to its schedule. */
  @Post('clean-up')
  @HttpCode(202)
  cleanUp() {
    return { task: this.tasks.addTask(this.sessions, 'removeExpired') };
  }
  // #endregion
}
