import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { GIVEN, type Given } from './given.ts';

/** Stands for a provider that tasks use: it must stay open until they have settled. */
@Injectable()
export class Mailer implements OnModuleDestroy {
  constructor(@Inject(GIVEN) private readonly given: Given) {}

  send(name: string): string {
    return `mail to ${name}`;
  }

  onModuleDestroy(): void {
    this.given.tell({ step: 'closed' });
  }
}
