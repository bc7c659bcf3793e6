import { Body, Controller, Post, ValidationPipe } from '@nestjs/common';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';
import { Mailer } from './mailer.service.ts';
import { SignupDto } from './signup.dto.ts';

@Controller('signups')
export class SignupsController {
  constructor(private readonly mailer: Mailer) {}

  /** A 201 means that the task is in its queue: the mail is sent even if this process or a worker crashes. */
  @Post()
  signUp(@Body(ValidationPipe) { email }: SignupDto, @Tasks() tasks: BackgroundTasks) {
    const task = tasks.addTask(this.mailer, 'sendWelcome', email, new Date());
    return { email, taskId: task.id };
  }
}
