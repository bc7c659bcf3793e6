import { Module } from '@nestjs/common';
import { MailModule } from '../mail/mail.module';
import { ProfileController } from './profile.controller';

@Module({ imports: [MailModule], controllers: [ProfileController] })
export class ProfileModule {}
