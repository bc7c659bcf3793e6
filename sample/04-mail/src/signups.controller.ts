import { Body, Controller, Post, ValidationPipe } from '@nestjs/common';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';
import { Mailer } from './mailer.service.ts';
import { SignupDto } from './signup.dto.ts';

@Controller('signups')
export class SignupsController {
  constructor(private readonly mailer: Mailer) {}

  /** Who gets a 201 will get the mail, whatever happens to this process or to the worker. */
  @Post()
  signUp(@Body(ValidationPipe) { email }: SignupDto, @Tasks() tasks: BackgroundTasks) {
    const task = tasks.addTask(this.mailer, 'sendWelcome', email, new Date());
    return { email, taskId: task.id };
  }
}
