import { ConflictException, Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { eq } from 'drizzle-orm';
import { DATABASE, type Database } from '../database/database.ts';
import { users } from '../database/schema.ts';
import { hashPassword, isPassword } from './passwords.ts';

/** The page shows it: it opens nothing but this sample. */
export const staff = { name: 'Olga', email: 'olga@harbour-coffee.example', password: 'flat white' };

@Injectable()
export class Users implements OnModuleInit {
  constructor(@Inject(DATABASE) private readonly db: Database) {}

  async onModuleInit(): Promise<void> {
    const password = await hashPassword(staff.password);
    await this.db
      .insert(users)
      .values({ ...staff, password, isStaff: true })
      .onConflictDoNothing();
  }

  async create(name: string, email: string, password: string) {
    const [user] = await this.db
      .insert(users)
      .values({ name, email, password: await hashPassword(password) })
      .onConflictDoNothing()
      .returning({ id: users.id, name: users.name, email: users.email });
    if (!user) {
      throw new ConflictException(`${email} has an account already`);
    }
    return user;
  }

  /** @returns `undefined` if the address or the password is wrong */
  async authenticate(email: string, password: string) {
    const [user] = await this.db.select().from(users).where(eq(users.email, email));
    return user && (await isPassword(password, user.password)) ? user : undefined;
  }
}
