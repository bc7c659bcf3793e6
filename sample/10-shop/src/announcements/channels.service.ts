import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { Product } from '../catalog/catalog.service.ts';
import { Mailer } from '../mail/mailer.service.ts';
import { chatUrl } from '../parts.ts';

/** ms that stand for services far away, so that you see the tasks run side by side. */
const FAR_AWAY = 600;

@Injectable()
export class Channels {
  readonly chatRoom: string[] = [];
  readonly news: { title: string; at: string }[] = [];

  constructor(private readonly mailer: Mailer) {}

  async email({ name }: Product) {
    await sleep(FAR_AWAY);
    return this.mailer.send('subscribers@example.com', `Back in stock: ${name}`, `${name} is on the shelf again.`);
  }

  async chat({ name }: Product) {
    await sleep(FAR_AWAY);
    const text = `${name} is back in stock`;
    if (chatUrl === undefined) {
      this.chatRoom.unshift(text);
      return { said: text };
    }
    const headers = { 'content-type': 'application/json' };
    const { status } = await fetch(chatUrl, { method: 'POST', headers, body: JSON.stringify({ text }) });
    return { said: text, status };
  }

  async newsFeed({ name }: Product) {
    await sleep(FAR_AWAY);
    this.news.unshift({ title: `${name} is back`, at: new Date().toISOString() });
    return { items: this.news.length };
  }
}
