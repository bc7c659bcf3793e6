import { writeFile } from 'node:fs/promises';
import { Controller, Param, Post } from '@nestjs/common';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';

async function writeNotification(email: string, message = '') {
  await writeFile('log.txt', `notification for ${email}: ${message}`);
}

@Controller()
export class NotificationsController {
  @Post('send-notification/:email')
  send(@Param('email') email: string, @Tasks() tasks: BackgroundTasks) {
    tasks.addTask(writeNotification, email, 'some notification');
    return { message: 'Notification sent in the background' };
  }
}
