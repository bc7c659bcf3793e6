import { Body, Controller, Post } from '@nestjs/common';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';

export const done: string[] = [];

async function sendWelcomeEmail(email: string) {
  done.push(`welcome to ${email}`);
}

async function notifyAdmin(userId: number) {
  done.push(`admin knows of user ${userId}`);
}

async function updateAnalytics(event: string) {
  done.push(event);
}

@Controller('signup')
export class SignupController {
  @Post()
  signup(@Body() { email }: { email: string }, @Tasks() tasks: BackgroundTasks) {
    const user = { id: 7, email }; // creates the user
    tasks.addTask(sendWelcomeEmail, user.email);
    tasks.addTask(notifyAdmin, user.id);
    tasks.addTask(updateAnalytics, 'new_signup');
    return user;
  }
}
