import { Body, Controller, Injectable, Post } from '@nestjs/common';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';
import { Pool } from 'pg';

@Injectable()
export class UserStats {
  constructor(private readonly db: Pool) {}

  async update(userId: number) {
    await this.db.query(
      'UPDATE user_stats SET posts = (SELECT count(*) FROM posts WHERE user_id = $1) WHERE user_id = $1',
      [userId],
    );
  }
}

@Controller('posts')
export class UserPostsController {
  constructor(private readonly stats: UserStats) {}

  @Post()
  create(@Body() { title, userId }: { title: string; userId: number }, @Tasks() tasks: BackgroundTasks) {
    const postId = 789; // saves the post
    tasks.addTask(this.stats, 'update', userId);
    return { postId, title };
  }
}
