import { Body, Controller, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { BackgroundTasks } from 'nestjs-background-tasks';
import { Mailer } from '../mail/mailer.service.ts';
import { SignUpDto } from './users.dto.ts';
import { Users } from './users.service.ts';

@ApiTags('users')
@Controller('users')
export class UsersController {
  constructor(
    private readonly users: Users,
    private readonly mailer: Mailer,
    private readonly tasks: BackgroundTasks,
  ) {}

  // #region welcome
  @Post()
  async signUp(@Body() { name, email, password }: SignUpDto) {
    const user = await this.users.create(name, email, password);
    const task = this.tasks.addTask(this.mailer, 'sendWelcome', name, email);
    return { user, task }; // the client gets the record of the task, with its id
  }
  // #endregion
}
