import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';

/**
 * What a task promises, in the order in which `promises.mjs` adds it to `res.once('finish', task)`. Nothing is shared with this
 * package: each is the least code that keeps the promise.
 */
export const PROMISES = [
  'it also runs when the client has left',
  'it runs in the async context that added it',
  'any provider can add it: the request is found by its async context',
  'it runs in a turn of its own',
  'tasks of a request run in order, and one that fails harms nothing',
  'a handle tells its state and times, and the latest 1,000 are kept',
];

const requests = new AsyncLocalStorage();

/** Lets `addByHand` find the request, if it has to. */
export function enterRequests(server, count) {
  if (count >= 3) {
    server.prependListener('request', (request, response) => requests.enterWith({ request, response }));
  }
}

const latest = [];
let next = 0;

/** Tells the state and the times of one task. The latest 1,000 are kept. */
export class Handle {
  constructor(name) {
    this.name = name;
    this.status = 'pending';
    this.createdAt = Date.now();
    this.startedAt = undefined;
    this.finishedAt = undefined;
    this.result = undefined;
    this.error = undefined;
  }

  start() {
    this.status = 'running';
    this.startedAt = Date.now();
  }

  end(status, result, error) {
    this.status = status;
    this.finishedAt = Date.now();
    this.result = result;
    this.error = error;
    latest[next++ % 1_000] = this;
  }
}

/** Runs the functions of one request in order. Each calls `runNext` at its end. */
class List {
  waiting = [];

  add(run) {
    this.waiting.push(run);
  }

  runNext() {
    const run = this.waiting.shift();
    if (run) {
      setImmediate(() => run());
    }
  }
}

/** @param count how many promises it keeps */
export function addByHand(given, task, count) {
  if (count === 0) {
    given.once('finish', task);
    return;
  }
  const response = count >= 3 ? requests.getStore().response : given;
  const scope = count >= 2 ? new AsyncResource('task') : undefined;
  const call = () => (scope ? scope.runInAsyncScope(task) : task());
  const list = count >= 5 ? new List() : undefined;
  const handle = count >= 6 ? new Handle(task.name) : undefined;
  const over = (status, result, error) => {
    handle?.end(status, result, error);
    list.runNext();
  };
  const run = () => {
    handle?.start();
    try {
      const result = call();
      if (typeof result?.then === 'function') {
        result.then(
          (value) => over('completed', value),
          (error) => over('failed', undefined, error),
        );
      } else {
        over('completed', result);
      }
    } catch (error) {
      over('failed', undefined, error);
    }
  };
  list?.add(run);
  let isOver = false;
  const start = () => {
    if (!isOver) {
      isOver = true;
      if (list) {
        list.runNext();
      } else if (count >= 4) {
        setImmediate(call);
      } else {
        call();
      }
    }
  };
  response.on('finish', start);
  response.on('close', start);
}
