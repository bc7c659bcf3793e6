import { Module } from '@nestjs/common';
import { MailModule } from '../mail/mail.module.ts';
import { UsersController } from './users.controller.ts';
import { Users } from './users.service.ts';

@Module({ imports: [MailModule], controllers: [UsersController], providers: [Users], exports: [Users] })
export class UsersModule {}
