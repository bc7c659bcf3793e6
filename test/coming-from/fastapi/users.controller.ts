import { Body, Controller, Injectable, Post } from '@nestjs/common';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';

class CreateUser {
  username!: string;
  email!: string;
  password!: string;
}

@Injectable()
export class Mailer {
  readonly sent: string[] = [];

  async sendWelcome(email: string, username: string) {
    this.sent.push(`${email}: Hello ${username}, welcome to our service!`); // or a mail service
  }
}

@Controller('users')
export class UsersController {
  constructor(private readonly mailer: Mailer) {}

  @Post()
  create(@Body() { username, email }: CreateUser, @Tasks() tasks: BackgroundTasks) {
    const userId = 123; // saves the user
    tasks.addTask(this.mailer, 'sendWelcome', email, username);
    return { userId, email };
  }
}
