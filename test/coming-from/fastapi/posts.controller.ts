import { Body, Controller, Inject, Post } from '@nestjs/common';
import { CACHE_MANAGER, type Cache } from '@nestjs/cache-manager';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';

@Controller('posts')
export class PostsController {
  constructor(@Inject(CACHE_MANAGER) private readonly cache: Cache) {}

  @Post()
  create(@Body() { title, content }: { title: string; content: string }, @Tasks() tasks: BackgroundTasks) {
    const postId = 456; // saves the post
    tasks.addTask(this.cache, 'set', `post:${postId}`, `${title}|${content}`, 3_600_000);
    return { postId, title };
  }
}
