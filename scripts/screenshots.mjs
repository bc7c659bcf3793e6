// @ts-check
// Takes the pictures of the dashboard for the README and the docs, with tasks that are made up: `npm run screenshots`,
// after `npm run build`. It needs Chromium, and the fonts Inter and JetBrains Mono for pictures that are always alike:
// apt-get install chromium fonts-inter fonts-jetbrains-mono
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { MockServer } from '../ui/mock/mock-server.ts';
import { World } from '../ui/mock/world.ts';

const root = join(import.meta.dirname, '..');
const images = join(root, 'docs/images');
const wide = { width: 1280, height: 800 };
const phone = { width: 360, height: 740 };
/** How long tasks run before the pictures are taken, in ms. */
const WARM_UP = 12_000;
const SETTLES = 1_500;

const world = new World();
const server = new MockServer({ world, page: join(root, 'dist/dashboard/page') });
await server.start();
server.live();
await new Promise((resolve) => setTimeout(resolve, WARM_UP));

const failed = world.tasks.findLast(
  (it) => it.name === 'Webhooks.deliver' && it.status === 'failed' && it.attempts > 1,
);
const pictures = /** @type {const} */ ([
  ['dashboard', '/', wide, 'light'],
  ['dashboard-dark', '/', wide, 'dark'],
  ['dashboard-tasks', '/tasks', wide, 'light'],
  ['dashboard-task', `/tasks/${failed?.id}`, { width: 1280, height: 720 }, 'light'],
  ['dashboard-queues', '/queues', { width: 1280, height: 400 }, 'light'],
  ['dashboard-phone', '/', phone, 'dark'],
]);

/** The newest tasks are then in all states. */
function addOneOfEach() {
  const createdAt = new Date(Date.now() - 4_000).toISOString();
  const startedAt = new Date(Date.now() - 3_600).toISOString();
  const started = /** @type {const} */ ({ createdAt, startedAt, attempts: 1, status: 'running' });
  world.add({ name: 'Webhooks.deliver', createdAt });
  world.add({ name: 'resizePhoto', ...started, progress: 64 });
  world.add({ name: 'Stock.import', ...started, progress: { done: 3_112, total: 12_000 } });
  const { id } = world.add({ name: 'Mailer.sendReceipt', ...started, attempts: 3 });
  world.settle(id, 'failed', {
    name: 'MailerError',
    message: 'The mail server refused the message: 451 4.7.1 Try again later',
  });
  world.cancel(world.add({ name: 'renderInvoice', ...started }).id);
}

await mkdir(images, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
for (const [name, path, viewport, colorScheme] of pictures) {
  const context = await browser.newContext({ viewport, colorScheme, reducedMotion: 'reduce', locale: 'en-GB' });
  const page = await context.newPage();
  if (path === '/tasks') {
    addOneOfEach();
  }
  await page.goto(server.url + path);
  await page.locator('.connection.is-live').waitFor();
  await page.locator('main h1').first().waitFor();
  // Lists and charts are drawn after the first updates.
  await page.waitForTimeout(SETTLES);
  await page.screenshot({ path: join(images, `${name}.png`) });
  await context.close();
}
await browser.close();
await server.stop();
