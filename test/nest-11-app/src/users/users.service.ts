import { ConflictException, Injectable, NotFoundException } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { randomBytes, scrypt as scryptCallback, timingSafeEqual } from 'crypto';
import { Repository } from 'typeorm';
import { promisify } from 'util';
import { User } from './user.entity';

const scrypt = promisify(scryptCallback) as (password: string, salt: string, length: number) => Promise<Buffer>;

@Injectable()
export class UsersService {
  constructor(@InjectRepository(User) private readonly users: Repository<User>) {}

  async create(email: string, password: string): Promise<User> {
    if (await this.users.existsBy({ email })) {
      throw new ConflictException();
    }
    return this.users.save(this.users.create({ email, password: await encrypt(password), hash: newHash() }));
  }

  byId(id: string): Promise<User> {
    return this.users.findOneByOrFail({ id });
  }

  byEmail(email: string): Promise<User | null> {
    return this.users.findOneBy({ email });
  }

  async byHash(hash: string): Promise<User> {
    const user = await this.users.findOneBy({ hash });
    if (!user) {
      throw new NotFoundException();
    }
    return user;
  }

  confirm(user: User): Promise<User> {
    return this.users.save(Object.assign(user, { isConfirmed: true, hash: null }));
  }

  newHash(user: User): Promise<User> {
    return this.users.save(Object.assign(user, { hash: newHash() }));
  }

  async setPassword(user: User, password: string): Promise<User> {
    return this.users.save(Object.assign(user, { password: await encrypt(password), hash: null }));
  }

  async hasPassword(user: User, password: string): Promise<boolean> {
    const [salt, key] = user.password.split(':');
    return timingSafeEqual(await scrypt(password, salt, 32), Buffer.from(key, 'hex'));
  }
}

const newHash = () => randomBytes(16).toString('hex');

async function encrypt(password: string): Promise<string> {
  const salt = newHash();
  return `${salt}:${(await scrypt(password, salt, 32)).toString('hex')}`;
}
