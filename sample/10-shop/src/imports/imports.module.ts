import { Module } from '@nestjs/common';
import { Importer } from './importer.service.ts';
import { ImportsController } from './imports.controller.ts';

@Module({ controllers: [ImportsController], providers: [Importer] })
export class ImportsModule {}
