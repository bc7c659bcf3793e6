import { JwtService } from '@nestjs/jwt';
import { Test } from '@nestjs/testing';
import { BackgroundTasks } from 'nestjs-background-tasks';
import { MailService } from '../mail/mail.service';
import { UsersService } from '../users/users.service';
import { AuthService } from './auth.service';

describe('AuthService', () => {
  const tasks = { addTask: jest.fn() };
  const mail = {};
  let auth: AuthService;

  beforeEach(async () => {
    const module = await Test.createTestingModule({
      providers: [
        AuthService,
        { provide: UsersService, useValue: { create: async (email: string) => ({ id: '1', email }) } },
        { provide: MailService, useValue: mail },
        { provide: JwtService, useValue: {} },
        { provide: BackgroundTasks, useValue: tasks },
      ],
    }).compile();
    auth = module.get(AuthService);
  });

  it('adds the mail to the tasks of the request', async () => {
    expect(await auth.register('ada@example.com', 'correct horse')).toEqual({ id: '1', email: 'ada@example.com' });
    expect(tasks.addTask).toHaveBeenCalledWith(mail, 'sendConfirmation', '1');
  });
});
