import { Body, Controller, Post } from '@nestjs/common';
import { BackgroundTasks, currentTask, Tasks } from 'nestjs-background-tasks';

async function sendEmail(email: string, message: string) {
  const response = await fetch(`${process.env['MAIL_API']}/send-email`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, message }),
    signal: currentTask()!.signal, // aborts when the time is over, or the task is cancelled
  });
  if (!response.ok) {
    throw new Error(`The mail service answered ${response.status}`);
  }
}

@Controller()
export class RegisterController {
  @Post('register')
  register(@Body() { email }: { email: string; password: string }, @Tasks() tasks: BackgroundTasks) {
    const userId = 123; // creates the user
    tasks.with({ timeout: 10_000 }).addTask(sendEmail, email, 'Welcome! Your account has been created.');
    return { userId, email };
  }
}
