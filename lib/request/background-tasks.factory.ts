import { type ExecutionContext, Injectable } from '@nestjs/common';
import { BackgroundTasks } from './background-tasks.ts';
import { CollectionResolver } from './collection-resolver.ts';
import { isGraphQlContext, requestIn } from './http/raw-request.ts';
import { RequestContext } from './request-context.ts';
import type { TaskCollection } from './task-collection.ts';

/** Makes the `BackgroundTasks` that applications get. */
@Injectable()
export class BackgroundTasksFactory {
  constructor(
    private readonly collections: CollectionResolver,
    private readonly context: RequestContext,
  ) {}

  /** Makes the singleton of `Scope.DEFAULT`: each call adds to the request in whose async context it is made. */
  forAllRequests(): BackgroundTasks {
    const outside = this.collections.outside();
    return new BackgroundTasks(foundAtEachCall(() => this.context.current ?? outside));
  }

  /** @param request what Nest gives for the token `REQUEST` */
  forRequest(request: unknown): BackgroundTasks {
    const collection = this.collections.ofRequest(request);
    if (collection) {
      if (isGraphQlContext(request)) {
        collection.isGraphQl = true;
      }
      return collection.tasks;
    }
    // A request that is not HTTP may outlive one message: a WebSocket's lasts as long as its connection.
    const outside = this.collections.outside();
    return new BackgroundTasks(
      foundAtEachCall(() => this.context.current ?? this.collections.ofMessage(request) ?? outside),
    );
  }

  forHandler(context: ExecutionContext): BackgroundTasks {
    return this.forRequest(requestIn(context));
  }
}

function foundAtEachCall(find: () => TaskCollection): TaskCollection {
  return {
    get list() {
      return find().list;
    },
    add: (call, options) => find().add(call, options),
    flush: (outcome) => find().flush(outcome),
    flushIn: (transaction) => find().flushIn(transaction),
    discard: () => find().discard(),
  };
}
