import { boolean, integer, pgSchema, serial, text, timestamp } from 'drizzle-orm/pg-core';

const shop = pgSchema('shop');
const moment = () => timestamp({ withTimezone: true }).notNull();

export const users = shop.table('users', {
  id: serial().primaryKey(),
  name: text().notNull(),
  email: text().notNull().unique(),
  password: text().notNull(),
  isStaff: boolean('is_staff').notNull().default(false),
});

export const sessions = shop.table('sessions', {
  /** A hash: who reads the table can't use a session. */
  token: text().primaryKey(),
  userId: integer('user_id').notNull(),
  expiresAt: timestamp('expires_at', { withTimezone: true }).notNull(),
});

export const refusedLogins = shop.table('refused_logins', {
  id: serial().primaryKey(),
  email: text().notNull(),
  ip: text().notNull(),
  at: moment().defaultNow(),
});

/** Prices are in cents. */
export const products = shop.table('products', {
  id: serial().primaryKey(),
  name: text().notNull().unique(),
  price: integer().notNull(),
  stock: integer().notNull(),
});

export const reviews = shop.table('reviews', {
  id: serial().primaryKey(),
  productId: integer('product_id').notNull(),
  stars: integer().notNull(),
});

export const ratings = shop.table('ratings', {
  productId: integer('product_id').primaryKey(),
  reviews: integer().notNull(),
  average: text().notNull(),
});

export const orders = shop.table('orders', {
  id: serial().primaryKey(),
  productId: integer('product_id').notNull(),
  quantity: integer().notNull(),
  total: integer().notNull(),
  email: text().notNull(),
  status: text({ enum: ['placed', 'reserved', 'charged', 'shipped'] })
    .notNull()
    .default('placed'),
  at: moment().defaultNow(),
});

export const visits = shop.table('visits', {
  route: text().primaryKey(),
  count: integer().notNull(),
  /** ms, of all visits together. */
  duration: integer().notNull(),
});
