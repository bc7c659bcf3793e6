import { Module } from '@nestjs/common';
import { UsersModule } from '../users/users.module.ts';
import { Audit } from './audit.service.ts';
import { SessionsController } from './sessions.controller.ts';
import { Sessions } from './sessions.service.ts';

@Module({
  imports: [UsersModule],
  controllers: [SessionsController],
  providers: [Sessions, Audit],
  exports: [Sessions],
})
export class SessionsModule {}
