import type { Server } from 'node:http';
import { Scope, type INestApplication, type LoggerService } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { TaskRunner } from 'nestjs-background-tasks';
import { Orders } from './orders.service.ts';

/** Something that the application has done. What each request makes it do is written down in exchanges.json. */
export interface Step {
  step: string;
  [detail: string]: unknown;
}

export type Tell = (step: Step) => void;

/** Tells of each answer, when it has been sent, and of what becomes of each task. */
export function tellSteps(app: INestApplication<Server>, tell: Tell): void {
  app.getHttpServer().on('request', (_request, response) => {
    response.once('finish', () => tell({ step: 'answered', status: response.statusCode }));
  });
  app.get(TaskRunner).events.subscribe(({ type, task: { name, result, error } }) => {
    if (type !== 'added') {
      tell({ step: type, task: name, ...(result !== undefined && { result }), ...(error && { error: error.message }) });
    }
  });
}

/** The scope which what has `BackgroundTasks` injected has in fact. */
export function scopeOf(app: INestApplication): string {
  return Scope[app.get(ModuleRef).introspect(Orders).scope];
}

/** Tells of warnings and errors, without the ids of tasks, which are never the same. */
export class TellingLogger implements LoggerService {
  constructor(private readonly tell: Tell) {}

  log(): void {
    // Of a start that went well, nothing has to be told.
  }

  warn(message: unknown): void {
    this.tell({ step: 'warning', message: withoutIds(message) });
  }

  error(message: unknown): void {
    this.tell({ step: 'error', message: withoutIds(message) });
  }
}

function withoutIds(message: unknown): string {
  return String(message).replaceAll(/ \([0-9a-f-]{36}\)/g, '');
}
