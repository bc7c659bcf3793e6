import type { Server } from 'node:http';
import { Scope, type INestApplication, type LoggerService } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { TaskRunner } from 'nestjs-background-tasks';
import { Orders } from './orders.service.ts';

/** Something that the application did. exchanges.json lists the steps that each request causes. */
export interface Step {
  step: string;
  [detail: string]: unknown;
}

export type Tell = (step: Step) => void;

/** Tells of each response when it has been sent, and of each step of each task. */
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

/** Returns the scope that Nest gives to a provider that injects `BackgroundTasks`. */
export function scopeOf(app: INestApplication): string {
  return Scope[app.get(ModuleRef).introspect(Orders).scope];
}

/** Tells of warnings and errors, without stacks and the ids of tasks, which differ from run to run. */
export class TellingLogger implements LoggerService {
  constructor(private readonly tell: Tell) {}

  log(): void {
    // The messages of a normal start are left out.
  }

  warn(message: unknown): void {
    this.tell({ step: 'warning', message: withoutIds(message) });
  }

  error(message: unknown): void {
    this.tell({ step: 'error', message: withoutIds(message) });
  }
}

function withoutIds(message: unknown): string {
  const [text] = String(message).split('\n');
  return text!.replaceAll(/ \([0-9a-f-]{36}\)/g, '');
}
