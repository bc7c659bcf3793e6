import { type Attributes, diag, type Meter, type Observable } from '@opentelemetry/api';
import { runningApplications } from '../observe/applications.ts';
import type { QueueStats } from '../task/model/queue-stats.ts';
import type { TaskEnd } from '../task/model/task-record.ts';
import type { TaskTarget } from '../task/model/task-target.ts';
import type { TaskAttemptMessage, TaskEnqueueMessage, TaskStepMessage } from '../observe/channel-messages.ts';
import { attemptChannel, enqueueChannel, stepChannel } from '../observe/channels.ts';
import { settlesWithin } from '../util/settles-within.ts';
import { now } from '../util/timers.ts';
import {
  DESTINATION,
  ERROR_TYPE,
  errorType,
  OPERATION_NAME,
  QUEUE_NAME,
  SYSTEM,
  SYSTEM_NAME,
  TASK_NAME,
  TASK_STATE,
  TASK_STATUS,
  TASK_TARGET,
} from './attributes.ts';
import type { Subscriptions } from './subscriptions.ts';

/** ms that one collection waits for the queues. */
const QUEUE_LIMIT = 1_000;

/** The bounds of histograms, in seconds: from a task of a millisecond to one of an hour. */
const SECONDS = {
  unit: 's',
  advice: { explicitBucketBoundaries: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 3_600] },
};

const began = Symbol('began');

/** The message of an attempt, and when it began. */
interface Timed extends TaskAttemptMessage {
  [began]?: number;
}

/** The most names of tasks whose attributes are kept. */
const MAX_NAMES = 1_000;

/** The attributes of one task name, made once, and how many of its tasks have settled since the counter was told. */
class NamedTask {
  readonly attributes: Attributes;
  readonly ends = new Map<TaskEnd, { readonly attributes: Attributes; count: number }>();

  constructor(name: string, target: TaskTarget) {
    this.attributes = { [TASK_NAME]: name, [TASK_TARGET]: target };
  }

  settled(status: TaskEnd): Attributes {
    let end = this.ends.get(status);
    if (!end) {
      end = { attributes: { ...this.attributes, [TASK_STATUS]: status }, count: 0 };
      this.ends.set(status, end);
    }
    end.count++;
    return end.attributes;
  }
}

/** Makes metrics of what the channels publish. `remove` ends the gauges. */
export class TaskMetrics {
  /** By the name of the task and its target. */
  readonly #named = new Map<string, Map<TaskTarget, NamedTask>>();
  readonly #meter: Meter;
  readonly #gauges;
  readonly #wait;
  readonly #duration;
  readonly #settled;
  readonly #process;
  readonly #sent;

  constructor(meter: Meter) {
    this.#meter = meter;
    this.#wait = meter.createHistogram('background_tasks.task.wait', {
      ...SECONDS,
      description: 'Time from adding a task to the beginning of its first attempt',
    });
    this.#duration = meter.createHistogram('background_tasks.task.duration', {
      ...SECONDS,
      description: 'Time from the beginning of the first attempt until the task settled',
    });
    this.#settled = meter.createCounter('background_tasks.tasks.settled', {
      unit: '{task}',
      description: 'Settled tasks',
    });
    this.#process = meter.createHistogram('messaging.process.duration', {
      ...SECONDS,
      description: 'Duration of one attempt of a durable task',
    });
    this.#sent = meter.createCounter('messaging.client.sent.messages', {
      unit: '{message}',
      description: 'Durable tasks that this process has enqueued, or tried to',
    });
    const gauge = (name: string, unit: string, description: string) =>
      meter.createObservableGauge(`background_tasks.${name}`, { unit, description });
    this.#gauges = {
      tasks: gauge('tasks', '{task}', 'Tasks of this process that have not settled'),
      size: gauge('queue.size', '{task}', 'Tasks in a queue'),
      oldestAge: gauge('queue.oldest_age', 's', 'Age of the oldest task that could run now'),
      failedAge: gauge('queue.failed_age', 's', 'Time since the latest failure in a queue'),
    };
    meter.addBatchObservableCallback(this.#observe, Object.values(this.#gauges));
  }

  subscribe(subscriptions: Subscriptions): void {
    subscriptions.add<TaskStepMessage>(stepChannel, (message) => this.#stepped(message));
    subscriptions.add<TaskAttemptMessage>(attemptChannel.start, (message) => {
      if (message.queue !== undefined && !message.isInThread) {
        (message as Timed)[began] = now();
      }
    });
    subscriptions.add<TaskAttemptMessage>(attemptChannel.asyncEnd, (message) => this.#processed(message));
    subscriptions.add<TaskEnqueueMessage>(enqueueChannel.asyncEnd, (message) => this.#enqueued(message));
  }

  remove(): void {
    this.#meter.removeBatchObservableCallback(this.#observe, Object.values(this.#gauges));
    this.#count();
  }

  #stepped(message: TaskStepMessage): void {
    const { type, name, target } = message;
    if (type === 'started') {
      if (message.wait !== undefined) {
        this.#wait.record(message.wait / 1_000, this.#of(name, target).attributes);
      }
    } else if (type === 'completed' || type === 'failed' || type === 'cancelled' || type === 'skipped') {
      const attributes = this.#of(name, target).settled(type);
      if ('run' in message && message.run !== undefined) {
        this.#duration.record(message.run / 1_000, attributes);
      }
    }
  }

  #of(name: string, target: TaskTarget): NamedTask {
    const byTarget = this.#named.get(name) ?? this.#makeName(name);
    let named = byTarget.get(target);
    if (!named) {
      named = new NamedTask(name, target);
      byTarget.set(target, named);
    }
    return named;
  }

  #makeName(name: string): Map<TaskTarget, NamedTask> {
    if (this.#named.size >= MAX_NAMES) {
      this.#count();
      this.#named.clear();
    }
    const byTarget = new Map<TaskTarget, NamedTask>();
    this.#named.set(name, byTarget);
    return byTarget;
  }

  /** Tells the counter how many tasks have settled. Not for each task: a call takes 1 µs, because the SDK sorts attributes. */
  #count(): void {
    for (const byTarget of this.#named.values()) {
      for (const { ends } of byTarget.values()) {
        for (const end of ends.values()) {
          if (end.count > 0) {
            this.#settled.add(end.count, end.attributes);
            end.count = 0;
          }
        }
      }
    }
  }

  #processed(message: TaskAttemptMessage): void {
    const beganAt = (message as Timed)[began];
    if (beganAt !== undefined) {
      this.#process.record((now() - beganAt) / 1_000, messagingAttributes('process', message.queue!, message.error));
    }
  }

  #enqueued({ tasks, error }: TaskEnqueueMessage): void {
    for (const { queue } of tasks) {
      this.#sent.add(1, messagingAttributes('add', queue!, error));
    }
  }

  readonly #observe = async (result: { observe(gauge: Observable, value: number, attributes: Attributes): void }) => {
    // The SDK calls this first, and then reads the counters.
    this.#count();
    const { tasks } = this.#gauges;
    const states = { pending: 0, delayed: 0, running: 0 };
    for (const { counts } of runningApplications()) {
      states.pending += counts.pending - counts.delayed;
      states.delayed += counts.delayed;
      states.running += counts.running;
    }
    for (const [state, count] of Object.entries(states)) {
      result.observe(tasks, count, { [TASK_STATE]: state });
    }
    for (const queue of await readQueues()) {
      this.#observeQueue(queue, (gauge, value, attributes) =>
        result.observe(gauge, value, { [QUEUE_NAME]: queue.name, ...attributes }),
      );
    }
  };

  #observeQueue(queue: QueueStats, observe: (...given: [Observable, number, Attributes?]) => void): void {
    const { size, oldestAge, failedAge } = this.#gauges;
    for (const state of ['pending', 'delayed', 'running', 'failed'] as const) {
      observe(size, queue[state], { [TASK_STATE]: state });
    }
    // A queue without such a task has an age of 0, so that an alarm ends.
    observe(oldestAge, (queue.oldestAge ?? 0) / 1_000);
    if (queue.failedAge !== undefined) {
      observe(failedAge, queue.failedAge / 1_000);
    }
  }
}

/** The figures of all queues of this process. A queue that can't be reached in time has none. */
async function readQueues(): Promise<readonly QueueStats[]> {
  const queues: QueueStats[] = [];
  const reading = runningApplications().map(async (application) => {
    try {
      queues.push(...(await application.queueStats()));
    } catch (error) {
      diag.warn('nestjs-background-tasks: the queues can not be read', error instanceof Error ? error.message : '');
    }
  });
  if (!(await settlesWithin(Promise.all(reading), QUEUE_LIMIT, { unref: true }))) {
    diag.warn(`nestjs-background-tasks: the queues have not answered within ${QUEUE_LIMIT} ms`);
  }
  return [...queues];
}

function messagingAttributes(operation: string, queue: string, error: unknown): Attributes {
  return {
    [SYSTEM]: SYSTEM_NAME,
    [OPERATION_NAME]: operation,
    [DESTINATION]: queue,
    ...(error !== undefined && { [ERROR_TYPE]: errorType(error) }),
  };
}
