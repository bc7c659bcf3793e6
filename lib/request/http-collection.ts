import type { ServerResponse } from 'node:http';
import type { TaskEngine } from '../engine/task-engine.ts';
import type { TaskList } from '../engine/task-list.ts';
import { shuttingDown, ShuttingDownError, UnavailableError } from '../errors/unavailable.errors.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import type { TaskOptions } from '../task/definition/task-options.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import { BackgroundTasks } from './background-tasks.ts';
import type { RawRequest } from './http/raw-request.ts';
import { type HandlerEnd, type HandlerState, ResponseWatcher } from './http/response-watcher.ts';
import { answerUnavailable } from './http/unavailable-answer.ts';
import type { TaskCollection } from './task-collection.ts';

/** What is known of an HTTP request: its tasks, if it has any, and when they may start. */
export class HttpCollection implements TaskCollection, HandlerState {
  current?: TaskList;
  isHandlerEntered = false;
  handlerEnd?: HandlerEnd;
  /** Whether it came when the application was being closed. */
  readonly isLate: boolean;
  #tasks?: BackgroundTasks;
  #end?: ResponseWatcher;
  /** Whether it is known to be one of GraphQL. */
  isGraphQl = false;
  #isResolverEntered = false;
  #hasResolverThrown = false;

  constructor(
    private readonly engine: TaskEngine,
    private readonly openResponses: Set<ResponseWatcher>,
    private readonly request: RawRequest,
    private readonly response: ServerResponse,
  ) {
    this.isLate = engine.phase !== 'open';
  }

  /**
   * Whether it may add no tasks any more, which would run when the providers that they need may have closed. But who has
   * been answered can't be told so, and where the handler has ended nobody may be there to catch an error.
   */
  isTooLate(): boolean {
    const { phase } = this.engine;
    const canBeTold = !this.response.headersSent && !this.handlerEnd;
    return canBeTold && phase !== 'open' && (this.isLate || phase !== 'draining');
  }

  /** What is injected where there is one for each request. */
  get tasks(): BackgroundTasks {
    return (this.#tasks ??= new BackgroundTasks(this));
  }

  /** @throws UnavailableError after which the response, if it is a 503, asks the client to come again */
  add(call: TaskCall, options: TaskOptions): BackgroundTask {
    try {
      if (this.isTooLate()) {
        throw new ShuttingDownError(shuttingDown(call.name));
      }
      return this.#obtain().add(call, options);
    } catch (error) {
      if (error instanceof UnavailableError) {
        answerUnavailable(this.response, { isClosing: error instanceof ShuttingDownError, isForced: false });
      }
      throw error;
    }
  }

  /**
   * Stores what is to be stored: to be called before the response is released.
   *
   * @throws TaskQueueError
   */
  async store(outcome: 'success' | 'failure'): Promise<void> {
    try {
      await this.current?.flush(outcome);
    } catch (error) {
      answerUnavailable(this.response, { isClosing: false, isForced: false });
      throw error;
    }
  }

  /** To be called when the handler is about to be called: again where an outer layer retries. */
  handlerIsEntered(): void {
    this.isHandlerEntered = true;
    this.handlerEnd = undefined;
    this.#end?.handlerIsEntered();
  }

  /** To be called when the handler has returned or thrown, and what it returned was consumed or torn down. */
  handlerIsDone(end: HandlerEnd): void {
    this.handlerEnd = end;
    this.#end?.handlerIsDone();
  }

  resolverIsEntered(): void {
    this.#isResolverEntered = true;
  }

  /** To be called when one of the resolvers of a GraphQL request has thrown: the status says nothing of that. */
  resolverHasThrown(): void {
    this.#hasResolverThrown = true;
  }

  // Nothing watches a request that has no task.
  #obtain(): TaskList {
    if (!this.current) {
      const list = (this.current = this.engine.createList(() => nameOf(this.request)));
      const end = (this.#end = new ResponseWatcher(this.request, this.response, this));
      const { openResponses } = this;
      openResponses.add(end);
      end.whenOver(() => {
        openResponses.delete(end);
        list.open(this.#isRefused ? 'failure' : end.outcome);
      });
    }
    return this.current;
  }

  /** By a resolver, or by what is asked before one, of which we are not told. */
  get #isRefused(): boolean {
    return this.#hasResolverThrown || (this.isGraphQl && !this.#isResolverEntered);
  }
}

/** `POST /users`: without the query, which may hold what must not be logged. */
function nameOf({ method, originalUrl, url }: RawRequest): string {
  const [path] = (originalUrl ?? url ?? '').split('?');
  return `${method} ${path}`;
}
