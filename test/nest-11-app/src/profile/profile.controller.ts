import { Controller, Get, HttpCode, NotFoundException, Param, Post, Req, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { BackgroundTasks, TaskRegistry } from 'nestjs-background-tasks';
import { MailService } from '../mail/mail.service';
import { User } from '../users/user.entity';
import { renderProfile } from './profile.task';

@Controller()
@UseGuards(AuthGuard('jwt'))
export class ProfileController {
  constructor(
    private readonly tasks: BackgroundTasks,
    private readonly registry: TaskRegistry,
    private readonly mail: MailService,
  ) {}

  @Get('profile')
  read(@Req() { user }: { user: User }) {
    return user;
  }

  @Post('profile/export')
  @HttpCode(202)
  export(@Req() { user }: { user: User }) {
    const pdf = this.tasks.addTask(renderProfile, { email: user.email, createdAt: user.createdAt });
    // This task runs after the one above, so the document is there.
    const mail = this.tasks.addTask(() => this.mail.sendProfile(user.id, pdf.result!));
    return { id: mail.id };
  }

  @Get('tasks/:id')
  async task(@Param('id') id: string) {
    const task = await this.registry.get(id);
    if (!task) {
      throw new NotFoundException();
    }
    return task;
  }
}
