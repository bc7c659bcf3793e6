import type { Server } from 'node:http';
import { isMainThread } from 'node:worker_threads';
import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { perThread } from '../util/per-thread.ts';
import { setTimeout } from '../util/timers.ts';
import { noShutdownHooks } from './module.messages.ts';

/** ms from when the server listens until the check: some applications call `enableShutdownHooks()` after `listen()`. */
const WAIT = 1_000;

/** Variables that test runners set: everyone by convention, then vitest, Jest and node:test. */
const OF_TESTS = { NODE_ENV: 'test', VITEST: undefined, JEST_WORKER_ID: undefined, NODE_TEST_CONTEXT: undefined };

/** A process can have several servers, such as one for its users and one for its operators. */
export const warned = perThread('shutdownHooks', () => ({ isDone: false }));

/**
 * Warns once if a server would lose its tasks at each deploy: nothing listens to SIGTERM, neither Nest's shutdown hooks nor
 * the application itself. Applications that never listen to a port, and tests, get no warning.
 */
@Injectable()
export class ShutdownHooksWarning implements OnApplicationBootstrap {
  readonly #logger = new Logger('BackgroundTasks');

  constructor(private readonly adapterHost: HttpAdapterHost) {}

  /** Nest calls it when the server exists and before the server listens. */
  onApplicationBootstrap(): void {
    const server = this.adapterHost.httpAdapter?.getHttpServer() as Partial<Server> | undefined;
    if (isMainThread && !isTest()) {
      server?.once?.('listening', () => setTimeout(() => this.#check(server), WAIT).unref());
    }
  }

  #check({ listening }: Partial<Server>): void {
    if (listening && !warned.isDone && signals().every((it) => process.listenerCount(it) === 0)) {
      warned.isDone = true;
      this.#logger.warn(noShutdownHooks());
    }
  }
}

function isTest(): boolean {
  return Object.entries(OF_TESTS).some(([name, value]) => {
    const set = process.env[name];
    return value === undefined ? set !== undefined : set === value;
  });
}

/** The signals that end the process at a deploy: PM2 sends SIGINT. */
function signals(): readonly NodeJS.Signals[] {
  return process.env['pm_id'] === undefined ? ['SIGTERM'] : ['SIGTERM', 'SIGINT'];
}
