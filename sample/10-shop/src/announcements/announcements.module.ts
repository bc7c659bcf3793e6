import { Module } from '@nestjs/common';
import { CatalogModule } from '../catalog/catalog.module.ts';
import { MailModule } from '../mail/mail.module.ts';
import { AnnouncementsController } from './announcements.controller.ts';
import { Channels } from './channels.service.ts';

@Module({ imports: [CatalogModule, MailModule], controllers: [AnnouncementsController], providers: [Channels] })
export class AnnouncementsModule {}
