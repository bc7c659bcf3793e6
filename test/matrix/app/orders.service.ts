import { Injectable } from '@nestjs/common';
import { BackgroundTasks } from 'nestjs-background-tasks';
import { Mailer } from './mailer.service.ts';

@Injectable()
export class Orders {
  constructor(
    private readonly tasks: BackgroundTasks,
    private readonly mailer: Mailer,
  ) {}

  place(name: string): void {
    this.tasks.addTask(this.mailer, 'send', name);
  }
}
