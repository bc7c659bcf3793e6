import { Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { BackgroundTasks } from 'nestjs-background-tasks';
import { MailService } from '../mail/mail.service';
import { User } from '../users/user.entity';
import { UsersService } from '../users/users.service';

@Injectable()
export class AuthService {
  constructor(
    private readonly users: UsersService,
    private readonly mail: MailService,
    private readonly jwt: JwtService,
    private readonly tasks: BackgroundTasks,
  ) {}

  async register(email: string, password: string): Promise<User> {
    const user = await this.users.create(email, password);
    this.tasks.addTask(this.mail, 'sendConfirmation', user.id);
    return user;
  }

  async confirm(hash: string): Promise<User> {
    return this.users.confirm(await this.users.byHash(hash));
  }

  login(user: User): { token: string } {
    return { token: this.jwt.sign({ sub: user.id }) };
  }

  /** Says nothing about whether there is such a user, not even by the time that it takes to send a mail. */
  async forgot(email: string): Promise<void> {
    const user = await this.users.byEmail(email);
    if (user) {
      await this.users.newHash(user);
      this.tasks.addTask(this.mail, 'sendReset', user.id);
    }
  }

  async reset(hash: string, password: string): Promise<void> {
    await this.users.setPassword(await this.users.byHash(hash), password);
  }
}
