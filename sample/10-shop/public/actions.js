import { clock, price, send } from './card.js';

/** An address that no other click has. */
const newAddress = () => `ada.${Date.now().toString(36)}@example.com`;
const findMail = async (address) => (await send('GET', '/mailbox')).answer.find(({ to }) => to === address);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const countVisits = async () => (await send('GET', '/analytics')).answer;
const ratingVisits = (routes) => routes.find(({ route }) => route === 'GET /products/:id/rating')?.count ?? 0;

async function showMail(card, address) {
  const mail = await findMail(address);
  card.fact('E-mail', mail ? `“${mail.subject}” to ${address}` : `to ${address}, by your SMTP server`);
}

/** What the button of each card does. */
export const actions = {
  async welcome(card) {
    const email = newAddress();
    const { status, took, task } = await send('POST', '/users', { name: 'Ada', email, password: 'long enough' });
    card.fact('Answer', `${status} in ${took}`);
    await card.follow(task);
    await showMail(card, email);
  },

  async cache(card) {
    const cents = 1_200 + Math.ceil(Math.random() * 400);
    const { status, took, task } = await send('PUT', '/products/1/price', { price: cents });
    card.fact('Answer', `${status} in ${took}`);
    await card.follow(task);
    const { product, from } = await send('GET', '/products/1');
    card.fact('Next visitor', `${product.name} for ${price(product.price)}, from the ${from}`);
  },

  async report(card) {
    const { status, took, task, url } = await send('POST', '/reports');
    card.fact('Answer', `${status} in ${took}`);
    const following = card.follow(task);
    const ping = await send('GET', '/products/1');
    card.fact('Meanwhile', `GET /products/1 took ${ping.took}`);
    const { result } = await following;
    const link = document.createElement('a');
    link.href = url;
    link.textContent = `Download the PDF of ${result.orders.toLocaleString('en')} orders`;
    card.fact('File', link);
  },

  async analytics(card) {
    const pages = ['/products', '/products/1', '/products/1/rating'];
    const before = ratingVisits(await countVisits());
    for (const page of pages) {
      await send('GET', page);
    }
    let routes = await countVisits();
    while (ratingVisits(routes) === before) {
      await sleep(50);
      routes = await countVisits();
    }
    for (const { route, count: times, duration } of routes.filter((it) => it.route.startsWith('GET /products'))) {
      card.fact(route, `${times} visit${times === 1 ? '' : 's'}, ${Math.round(duration / times)} ms each`);
    }
  },

  async chain(card) {
    const { order } = await send('POST', '/orders', { productId: 2, quantity: 1, email: newAddress() });
    const { status, took, task } = await send('POST', `/orders/${order.id}/fulfilment`);
    card.fact('Answer', `${status} in ${took}`);
    const statuses = new Set();
    const following = card.follow(task, 'Last step');
    while (!statuses.has('shipped')) {
      statuses.add((await send('GET', `/orders/${order.id}`)).answer.status);
      card.fact(`Order ${order.id}`, [...statuses].join(' → '));
      await Promise.race([following, sleep(100)]);
    }
    const { result } = await following;
    card.fact('Card', `charged at attempt ${result.attempts}: the bank did not answer the first`);
    card.fact('Parcel', result.parcel);
  },

  async parallel(card) {
    const { status, took, tasks } = await send('POST', '/products/3/announcement');
    card.fact('Answer', `${status} in ${took}`);
    const channels = ['E-mail', 'Chat', 'News feed'];
    const records = await Promise.all(tasks.map((task, i) => card.follow(task, channels[i])));
    const started = Math.min(...records.map(({ startedAt }) => Date.parse(startedAt)));
    const finished = Math.max(...records.map(({ finishedAt }) => Date.parse(finishedAt)));
    card.fact('All three', `in ${finished - started} ms`);
  },

  async statistics(card) {
    const stars = Math.ceil(Math.random() * 5);
    const { status, took, task, product } = await send('POST', '/products/4/reviews', { stars });
    card.fact('Answer', `${status} in ${took}, for ${stars} of 5 stars`);
    await card.follow(task);
    const { reviews, average } = await send('GET', '/products/4/rating');
    card.fact('Rating', `${product.name}: ${average} of 5, in ${reviews} review${reviews === 1 ? '' : 's'}`);
  },

  async confirmation(card, isTooMuch) {
    const email = newAddress();
    const body = { productId: 1, quantity: isTooMuch ? 900 : 2, email };
    const { status, took, task, order, message } = await send('POST', '/orders', body, isTooMuch ? 409 : 201);
    card.fact('Answer', `${status} in ${took}`);
    if (isTooMuch) {
      card.fact('Rolled back', message);
      card.fact('E-mail', (await findMail(email)) ? 'sent all the same' : 'none: the task was never enqueued');
      return;
    }
    card.fact('Order', `${order.id}, ${price(order.total)}`);
    await card.follow(task);
    await showMail(card, email);
  },

  async audit(card) {
    const email = newAddress();
    const { status, took, message } = await send('POST', '/sessions', { email, password: 'guess' }, 401);
    card.fact('Answer', `${status} in ${took}: ${message}`);
    let entry;
    while (!entry) {
      entry = (await send('GET', '/sessions/refused')).answer.find((it) => it.email === email);
    }
    card.fact('Audit', `${clock(entry.at)}, ${entry.email}, from ${entry.ip}`);
  },

  async progress(card) {
    const { status, took, task } = await send('POST', '/imports');
    card.fact('Answer', `${status} in ${took}`);
    const cancel = card.addButton(
      'Cancel',
      true,
      () => void send('DELETE', `/tasks/${task.id}`).catch(() => undefined),
    );
    const record = await card.follow(task).finally(() => cancel.remove());
    const polled = await send('GET', `/tasks/${task.id}`);
    card.fact('Polling', `GET /tasks/${task.id}: ${polled.answer.status}`);
    card.fact('Imported', record.result ? `${record.result.imported} products` : 'cancelled before the end');
  },

  async 'clean-up'(card) {
    const { task } = await send('POST', '/sessions/clean-up');
    const { result } = await card.follow(task);
    card.fact('Removed', `${result.removed} expired sessions`);
    const { last, next } = await send('GET', '/sessions/clean-up');
    card.fact('Last run', clock(last.finishedAt));
    card.fact('Next run', clock(next));
  },
};
