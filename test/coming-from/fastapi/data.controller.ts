import { type CanActivate, Controller, type ExecutionContext, Get, Injectable, UseGuards } from '@nestjs/common';
import type { Request } from 'express';
import { BackgroundTasks } from 'nestjs-background-tasks';

@Injectable()
export class RequestLog {
  readonly requests: string[] = [];

  async record(method: string, path: string, at: Date) {
    this.requests.push(`${method} ${path} ${at.getFullYear()}`); // or a database
  }
}

@Injectable()
class LogRequest implements CanActivate {
  constructor(
    private readonly tasks: BackgroundTasks,
    private readonly log: RequestLog,
  ) {}

  canActivate(context: ExecutionContext) {
    const { method, path } = context.switchToHttp().getRequest<Request>();
    this.tasks.with({ runOn: 'always' }).addTask(this.log, 'record', method, path, new Date());
    return true;
  }
}

@Controller('data')
@UseGuards(LogRequest)
export class DataController {
  @Get()
  get() {
    return { data: 'value' };
  }
}
