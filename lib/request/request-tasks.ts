import type { IncomingMessage, ServerResponse } from 'node:http';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { ShuttingDownError } from '../errors/shutting-down.error.ts';
import { UnavailableError } from '../errors/unavailable.error.ts';
import { UnsupportedPlatformError } from '../errors/unsupported-platform.error.ts';
import { shuttingDown, unsupportedPlatform } from '../messages.ts';
import type { BackgroundTask } from '../task/background-task.ts';
import type { TaskCall } from '../task/task-call.ts';
import type { TaskOptions } from '../task/task-options.ts';
import { TaskLists } from '../runner/task-lists.ts';
import type { TaskList } from '../runner/task-list.ts';
import { BackgroundTasks, type TaskListSource } from './background-tasks.ts';
import { ResponseEnd } from './response-end.ts';

/** s after which a client may try again what was refused. */
const RETRY_AFTER = '1';

/** What is known of a request: its tasks, if it has any, and when they may start. */
class RequestState implements TaskListSource {
  readonly end: ResponseEnd;
  readonly tasks = new BackgroundTasks(this);
  current?: TaskList;
  readonly #isLate: boolean;

  constructor(
    private readonly lists: TaskLists,
    private readonly response: ServerResponse,
  ) {
    this.end = new ResponseEnd(response);
    this.#isLate = lists.admission.phase !== 'open';
  }

  /** @throws UnavailableError after which the response asks the client to come again */
  add(call: TaskCall, options: TaskOptions): BackgroundTask {
    try {
      this.#assertNotTooLate(call);
      return this.#obtain().add(call, options);
    } catch (error) {
      if (error instanceof UnavailableError && !this.response.headersSent) {
        this.response.setHeader('Retry-After', RETRY_AFTER);
      }
      throw error;
    }
  }

  // What it adds would run when the providers that it needs may have closed already.
  #assertNotTooLate({ name }: TaskCall): void {
    const { phase } = this.lists.admission;
    if (phase !== 'open' && (this.#isLate || phase !== 'draining')) {
      // So that the client's next request finds another process.
      if (!this.response.headersSent) {
        this.response.setHeader('Connection', 'close');
      }
      throw new ShuttingDownError(shuttingDown(name));
    }
  }

  #obtain(): TaskList {
    if (!this.current) {
      const list = (this.current = this.lists.create(() => nameOf(this.response.req)));
      this.end.whenOver(() => list.open(this.end.outcome));
    }
    return this.current;
  }
}

/** Finds the one collection of each request, from whichever side it is asked for. */
@Injectable()
export class RequestTasks implements OnModuleInit {
  // A symbol of this application's own, so that two in one process can't meet on a request that passes through both. On
  // the request, because a WeakMap entry costs more than all the rest together.
  readonly #key = Symbol('BackgroundTasks');

  constructor(
    private readonly lists: TaskLists,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  /** Elsewhere a request's response isn't found, and its tasks would start before it is over. */
  onModuleInit(): void {
    // A context without a server, and Nest's testing module before its application is made, have no type.
    const platform = this.adapterHost.httpAdapter?.getType();
    if (platform && platform !== 'express') {
      throw new UnsupportedPlatformError(unsupportedPlatform(platform));
    }
  }

  /** @param request what Nest gives for the token `REQUEST`: an Express request, or something without a response */
  of(request: unknown): BackgroundTasks {
    const response = responseOf(request);
    if (!response) {
      const list = this.lists.createOpen();
      return new BackgroundTasks({ current: list, add: (call, options) => list.add(call, options) });
    }
    return this.#stateOf(response).tasks;
  }

  /** Has to be told of by the interceptor when the handler is done. */
  endOf(response: ServerResponse): ResponseEnd {
    return this.#stateOf(response).end;
  }

  #stateOf(response: ServerResponse): RequestState {
    const request = response.req as IncomingMessage & Record<symbol, RequestState | undefined>;
    return (request[this.#key] ??= new RequestState(this.lists, response));
  }
}

function responseOf(request: unknown): ServerResponse | undefined {
  return (request as { res?: ServerResponse } | null | undefined)?.res;
}

/** `POST /users`: without the query, which may hold what must not be logged. */
function nameOf(request: IncomingMessage & { originalUrl?: string }): string {
  const [path] = (request.originalUrl ?? request.url ?? '').split('?');
  return `${request.method} ${path}`;
}
