import { appendFile } from 'node:fs/promises';
import { Body, Controller, Post } from '@nestjs/common';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';

async function writeLine(message: string) {
  await appendFile('log.txt', `${new Date().toISOString()}: ${message}\n`);
}

@Controller('items')
export class ItemsController {
  @Post()
  create(@Body() item: { name: string }, @Tasks() tasks: BackgroundTasks) {
    const created = { id: 1, ...item }; // saves the item
    tasks.addTask(writeLine, `Item created: ${created.id}`);
    return created;
  }
}
