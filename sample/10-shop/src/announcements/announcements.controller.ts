import { Controller, Get, HttpCode, Param, ParseIntPipe, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { BackgroundTasks } from 'nestjs-background-tasks';
import { Catalog } from '../catalog/catalog.service.ts';
import { Channels } from './channels.service.ts';

@ApiTags('announcements')
@Controller()
export class AnnouncementsController {
  constructor(
    private readonly catalog: Catalog,
    private readonly channels: Channels,
    private readonly tasks: BackgroundTasks,
  ) {}

  // #region parallel
  @Post('products/:id/announcement')
  @HttpCode(202)
  async announce(@Param('id', ParseIntPipe) id: number) {
    const product = await this.catalog.read(id);
    const atOnce = this.tasks.with({ execution: 'parallel' });
    return {
      tasks: [
        atOnce.addTask(this.channels, 'email', product),
        atOnce.addTask(this.channels, 'chat', product),
        atOnce.addTask(this.channels, 'newsFeed', product),
      ],
    };
  }
  // #endregion

  @Get('announcements')
  list() {
    return { chat: this.channels.chatRoom.slice(0, 10), news: this.channels.news.slice(0, 10) };
  }
}
