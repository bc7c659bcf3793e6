import type { TaskError, TaskRow } from '../src/api/wire.ts';
import type { Random } from './random.ts';

/** What tasks of one name are like. Times in ms. */
export interface Kind {
  name: string;
  weight: number;
  target: TaskRow['target'];
  queue?: string;
  route?: string;
  wait: number;
  run: number;
  spread: number;
  failing: number;
  errors: TaskError[];
  arguments: (random: Random) => unknown[];
  progress?: (part: number) => number | object;
  blocks?: number;
}

const smtp: TaskError = {
  name: 'MailerError',
  message: 'The mail server refused the message: 451 4.7.1 Try again later',
  cause: { name: 'Error', message: 'connect ETIMEDOUT 10.4.0.17:587' },
};
const webhook: TaskError[] = [
  { name: 'WebhookError', message: 'POST https://hooks.example.com/orders answered 503 Service Unavailable' },
  {
    name: 'WebhookError',
    message: 'POST https://hooks.example.com/orders got no answer within 10 s',
    cause: { name: 'TimeoutError', message: 'The operation was aborted due to timeout' },
  },
];
const orderId = (random: Random) => `ord_${random.whole(10_000, 99_999)}`;
const email = (random: Random) => `${random.pick(['ada', 'grace', 'edsger', 'barbara', 'alan', 'radia'])}@example.com`;

export const kinds: Kind[] = [
  {
    name: 'Audit.record',
    weight: 30,
    target: 'event-loop',
    route: 'POST /orders',
    wait: 1.2,
    run: 3.4,
    spread: 0.5,
    failing: 0.0002,
    errors: [{ name: 'Error', message: 'The audit log is read-only' }],
    arguments: (random) => ['order.created', orderId(random)],
  },
  {
    name: 'Mailer.sendReceipt',
    weight: 22,
    target: 'queue',
    queue: 'mail',
    route: 'POST /orders',
    wait: 14,
    run: 180,
    spread: 0.6,
    failing: 0.012,
    errors: [smtp],
    arguments: (random) => [{ to: email(random), order: orderId(random), locale: 'en' }],
  },
  {
    name: 'Webhooks.deliver',
    weight: 16,
    target: 'queue',
    queue: 'webhooks',
    route: 'PUT /orders/:id/status',
    wait: 22,
    run: 240,
    spread: 0.9,
    failing: 0.035,
    errors: webhook,
    arguments: (random) => ['order.updated', { id: orderId(random), status: 'shipped' }],
  },
  {
    name: 'Search.index',
    weight: 14,
    target: 'event-loop',
    route: 'PUT /products/:id',
    wait: 1.6,
    run: 26,
    spread: 0.6,
    failing: 0.002,
    errors: [{ name: 'ResponseError', message: 'index_not_found_exception: no such index [products-v7]' }],
    arguments: (random) => [`prod_${random.whole(100, 999)}`],
  },
  {
    name: 'renderInvoice',
    weight: 8,
    target: 'thread',
    route: 'POST /orders/:id/invoice',
    wait: 38,
    run: 620,
    spread: 0.45,
    failing: 0.003,
    errors: [{ name: 'RangeError', message: 'Page 14 has no room for the table' }],
    arguments: (random) => [orderId(random), { currency: 'EUR' }],
  },
  {
    name: 'Mailer.sendWelcome',
    weight: 5,
    target: 'event-loop',
    route: 'POST /users',
    wait: 1.9,
    run: 164,
    spread: 0.5,
    failing: 0.008,
    errors: [smtp],
    arguments: (random) => [email(random)],
  },
  {
    name: 'resizePhoto',
    weight: 4,
    target: 'thread',
    route: 'POST /products/:id/photos',
    wait: 64,
    run: 1_900,
    spread: 0.5,
    failing: 0.01,
    errors: [{ name: 'Error', message: 'Input file contains unsupported image format' }],
    arguments: (random) => [`uploads/${random.whole(1000, 9999)}.heic`, [320, 960, 1920]],
    progress: (part) => part * 100,
  },
  {
    name: 'Stock.import',
    weight: 0.4,
    target: 'queue',
    queue: 'imports',
    route: 'POST /stock/imports',
    wait: 400,
    run: 46_000,
    spread: 0.5,
    failing: 0.06,
    errors: [
      {
        name: 'ImportError',
        message: 'Row 4,112 of “warehouse-oslo.csv”: expected a number in column “quantity”, got “n/a”',
        cause: { name: 'SyntaxError', message: 'Unexpected token n in column 7' },
      },
    ],
    arguments: () => ['warehouse-oslo.csv', { dryRun: false }],
    progress: (part) => ({ done: Math.round(part * 12_000), total: 12_000, file: 'warehouse-oslo.csv' }),
  },
  {
    name: 'Reports.nightly',
    weight: 0.12,
    target: 'queue',
    queue: 'reports',
    wait: 900,
    run: 210_000,
    spread: 0.3,
    failing: 0.02,
    errors: [{ name: 'QueryFailedError', message: 'canceling statement due to statement timeout' }],
    arguments: () => [{ day: '2026-11-25' }],
    progress: (part) => ({ done: Math.round(part * 48), total: 48, step: 'summing up stores' }),
  },
  {
    name: 'Carts.expire',
    weight: 1.2,
    target: 'queue',
    queue: 'maintenance',
    wait: 30,
    run: 480,
    spread: 0.4,
    failing: 0,
    errors: [],
    arguments: () => [],
  },
  {
    name: 'parsePriceList',
    weight: 0.5,
    target: 'event-loop',
    route: 'POST /suppliers/:id/prices',
    wait: 2.2,
    run: 340,
    spread: 0.6,
    failing: 0.01,
    errors: [{ name: 'SyntaxError', message: 'Unexpected end of JSON input' }],
    arguments: () => ['prices-2026-11.json'],
    blocks: 0.6,
  },
];
