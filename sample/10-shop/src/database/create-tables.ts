import { sql } from 'drizzle-orm';
import type { Database } from './database.ts';

/** In your application, drizzle-kit makes these statements of `schema.ts`, as migrations. */
const statements = [
  `create schema if not exists shop`,
  `create table if not exists shop.users (id serial primary key, name text not null, email text not null unique,
    password text not null, is_staff boolean not null default false)`,
  `create table if not exists shop.sessions (token text primary key, user_id int not null, expires_at timestamptz not null)`,
  `create table if not exists shop.refused_logins (id serial primary key, email text not null, ip text not null,
    at timestamptz not null default now())`,
  `create table if not exists shop.products (id serial primary key, name text not null unique, price int not null,
    stock int not null check (stock >= 0))`,
  `create table if not exists shop.reviews (id serial primary key, product_id int not null, stars int not null)`,
  `create table if not exists shop.ratings (product_id int primary key, reviews int not null, average text not null)`,
  `create table if not exists shop.orders (id serial primary key, product_id int not null, quantity int not null,
    total int not null, email text not null, status text not null default 'placed', at timestamptz not null default now())`,
  `create table if not exists shop.visits (route text primary key, count int not null, duration int not null)`,

  // What a shop has that is open for a while.
  `insert into shop.products (name, price, stock) values
    ('Kenya Nyeri, 250 g', 1450, 80), ('House blend, 1 kg', 2400, 200), ('Enamel mug', 1200, 60),
    ('Pour-over kettle', 5900, 25), ('Hand grinder', 8900, 15) on conflict do nothing`,
  `insert into shop.orders (product_id, quantity, total, email, status, at)
    select id, 1 + n % 3, price * (1 + n % 3), 'customer' || (n * 31 % 997) || '@example.com', 'shipped', now() - n * interval '5 minutes'
    from generate_series(1, 10000) n join shop.products on products.id = 1 + n * 7 % 5
    where not exists (select from shop.orders)`,
  `insert into shop.sessions (token, user_id, expires_at)
    select 'expired ' || n, 1, now() - interval '1 day' from generate_series(1, 3) n on conflict do nothing`,
];

export async function createTables(db: Database): Promise<void> {
  for (const statement of statements) {
    await db.execute(sql.raw(statement));
  }
}
