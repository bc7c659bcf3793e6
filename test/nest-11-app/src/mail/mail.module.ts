import { Module } from '@nestjs/common';
import { UsersModule } from '../users/users.module';
import { MailService } from './mail.service';

@Module({ imports: [UsersModule], providers: [MailService], exports: [MailService] })
export class MailModule {}
