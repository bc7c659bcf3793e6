import { Injectable, UnauthorizedException } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport-local';
import { User } from '../users/user.entity';
import { UsersService } from '../users/users.service';

/** Passport wants a singleton, so this injects nothing that injects `BackgroundTasks`. */
@Injectable()
export class LocalStrategy extends PassportStrategy(Strategy) {
  constructor(private readonly users: UsersService) {
    super({ usernameField: 'email' });
  }

  async validate(email: string, password: string): Promise<User> {
    const user = await this.users.byEmail(email);
    if (!user?.isConfirmed || !(await this.users.hasPassword(user, password))) {
      throw new UnauthorizedException();
    }
    return user;
  }
}
