import type { ServerResponse } from 'node:http';
import type { Transaction } from '../durable/transaction.ts';
import type { TaskEngine } from '../engine/task-engine.ts';
import type { TaskList } from '../engine/task-list.ts';
import { ShuttingDownError, UnavailableError } from '../errors/unavailable.errors.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import type { TaskOptions } from '../task/definition/task-options.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import type { RequestOrigin } from '../task/model/task-route.ts';
import type { LinkedList } from '../util/linked-list.ts';
import { BackgroundTasks } from './background-tasks.ts';
import type { RawRequest } from './http/raw-request.ts';
import { pathOf, routeOf } from './http/request-route.ts';
import { type GatedTasks, ResponseGate } from './http/response-gate.ts';
import { type HandlerEnd, ResponseWatcher, type WatchedRequest } from './http/response-watcher.ts';
import { answerUnavailable } from './http/unavailable-answer.ts';
import { RequestCollection } from './request-collection.ts';

/** The tasks of one HTTP request. Their list opens when the response is over. */
export class HttpCollection extends RequestCollection implements RequestOrigin, WatchedRequest, GatedTasks {
  override list?: TaskList;
  override readonly isLate: boolean;
  isHandlerEntered = false;
  handlerEnd?: HandlerEnd;
  /** Whether something has asked for this collection by a GraphQL context. */
  isGraphQl = false;
  gate?: ResponseGate | undefined;
  #isResolverEntered = false;
  #hasResolverThrown = false;
  #tasks?: BackgroundTasks;
  /** Set together with the list, until the response is over. */
  #watcher?: ResponseWatcher | undefined;
  /** Unset once the response is over. */
  #response: ServerResponse | undefined;

  constructor(
    protected override readonly engine: TaskEngine,
    private readonly openResponses: LinkedList<ResponseWatcher>,
    private readonly request: RawRequest,
    response: ServerResponse,
  ) {
    super();
    this.#response = response;
    this.isLate = engine.phase !== 'open';
  }

  /**
   * A task that is added while the application closes could run after its providers have closed. The request gets an
   * error only while that error can still change the answer: not once the head is sent or the handler has ended.
   */
  override isTooLate(): boolean {
    const { phase } = this.engine;
    const canStillAnswer = this.#response !== undefined && !this.#response.headersSent && !this.handlerEnd;
    return canStillAnswer && phase !== 'open' && (this.isLate || phase !== 'draining');
  }

  /** The same object for everything that injects the tasks of this request. */
  get tasks(): BackgroundTasks {
    return (this.#tasks ??= new BackgroundTasks(this));
  }

  /** Adds a task. If it is refused and the answer is a 503, the answer asks the client to try again. */
  override add(call: TaskCall, options: TaskOptions): BackgroundTask {
    try {
      const task = super.add(call, options);
      if (!this.gate && !this.list!.isOpen && this.list!.mustFlush(undefined)) {
        this.gate = new ResponseGate(this.#response!, this);
      }
      return task;
    } catch (error) {
      if (error instanceof UnavailableError && this.#response) {
        answerUnavailable(this.#response, { isClosing: error instanceof ShuttingDownError, isForced: false });
      }
      throw error;
    }
  }

  /** For the application, before the response is decided. If it answers 503, the answer asks to try again. */
  override async flush(outcome: 'success' | 'failure'): Promise<void> {
    await this.#answeringUnavailable(super.flush(outcome));
  }

  override async flushIn(transaction: Transaction): Promise<void> {
    await this.#answeringUnavailable(super.flushIn(transaction));
  }

  mustFlush(status: number): boolean {
    return this.list?.mustFlush(this.#outcomeOf(status)) ?? false;
  }

  async flushFor(status: number): Promise<void> {
    const outcome = this.#outcomeOf(status);
    try {
      await this.list?.flushForAnswer(outcome);
    } catch (error) {
      // A failure promises nothing to the client, so it leaves as it is. The log has the queue's error.
      if (outcome === 'success') {
        throw error;
      }
    }
  }

  /** Call it just before the handler is called, also when an outer interceptor calls the handler again. */
  handlerIsEntered(): void {
    this.isHandlerEntered = true;
    this.handlerEnd = undefined;
    this.#watcher?.handlerIsEntered();
  }

  /** Call it when the handler has returned or thrown, and what it returned was consumed or torn down. */
  handlerIsDone(end: HandlerEnd): void {
    this.handlerEnd = end;
    this.#watcher?.handlerIsDone();
  }

  resolverIsEntered(): void {
    this.#isResolverEntered = true;
  }

  /** Notes that a resolver has thrown: GraphQL still answers 200. */
  resolverHasThrown(): void {
    this.#hasResolverThrown = true;
  }

  protected override createList(): TaskList {
    // Here, because the response may be over already.
    this.list = this.engine.createList(this);
    const watcher = new ResponseWatcher(this.request, this.#response!, this);
    this.#watcher = watcher;
    this.openResponses.add(watcher);
    watcher.watch();
    return this.list;
  }

  responseIsOver(): void {
    const watcher = this.#watcher!;
    this.openResponses.delete(watcher);
    this.list!.open(this.#hasGraphQlFailed ? 'failure' : watcher.outcome);
    // On Fastify, whoever keeps this object or the request keeps no response then: on Express, the request itself holds it.
    // Nest keeps each request until the next full garbage collection, if one of its providers is request-scoped.
    this.#response = undefined;
    this.#watcher = undefined;
    this.gate = undefined;
  }

  get path(): string {
    return pathOf(this.request);
  }

  get route(): string {
    return routeOf(this.request);
  }

  async #answeringUnavailable(flushed: Promise<void>): Promise<void> {
    try {
      await flushed;
    } catch (error) {
      if (error instanceof UnavailableError && this.#response) {
        answerUnavailable(this.#response, { isClosing: false, isForced: false });
      }
      throw error;
    }
  }

  #outcomeOf(status: number): 'success' | 'failure' {
    return status >= 400 || this.#hasGraphQlFailed ? 'failure' : 'success';
  }

  /** A GraphQL request fails if a resolver throws, or if none is entered because a guard refused all of them. */
  get #hasGraphQlFailed(): boolean {
    return this.#hasResolverThrown || (this.isGraphQl && !this.#isResolverEntered);
  }
}
