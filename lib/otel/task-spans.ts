/*
 * Makes spans of what the channels publish. The store that is bound to `start` makes the span. So the span is active in the
 * task's function, or in the code that enqueues the tasks. `asyncEnd` ends it.
 */
import {
  type Attributes,
  context,
  type Context,
  propagation,
  type Span,
  SpanKind,
  type SpanOptions,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import type { TaskAttemptMessage, TaskEnqueueMessage } from '../observe/channel-messages.ts';
import { attemptChannel, enqueueChannel } from '../observe/channels.ts';
import { errorRecord } from '../task/model/task-record.ts';
import { stackOf } from '../util/error-text.ts';
import { isError } from '../util/inspect.ts';
import {
  DESTINATION,
  ERROR_TYPE,
  errorType,
  MESSAGE_COUNT,
  MESSAGE_ID,
  OPERATION_NAME,
  OPERATION_TYPE,
  SYSTEM,
  SYSTEM_NAME,
  TASK_ATTEMPT,
  TASK_ID,
  TASK_NAME,
  TASK_TARGET,
} from './attributes.ts';
import type { Subscriptions } from './subscriptions.ts';

/** How the span of an attempt belongs to the span of the request that added the task. */
export type Relation = 'child' | 'link';

const run = (active: Context, fn: () => unknown) => context.with(active, fn);

interface Traced {
  readonly error?: unknown;
  [key: symbol]: Span | undefined;
}

/** @param relation `undefined`: a child in the process, a link for durable tasks */
export function makeSpans(
  subscriptions: Subscriptions,
  tracer: () => Tracer,
  relation: () => Relation | undefined,
): void {
  // A property of the message: a WeakMap entry for each message keeps the garbage collector busier than all the rest together.
  const key = Symbol('span');
  // It does not test `error`: a task can throw `undefined`.
  const failed = (message: Traced) => message[key] && fail(message[key], message.error);
  const begun = (message: object, span: Span) => {
    (message as Traced)[key] = span;
    subscriptions.begin();
  };
  const end = (message: Traced) => {
    const span = message[key];
    if (span) {
      span.end();
      subscriptions.finish();
    }
  };
  subscriptions.bind(enqueueChannel.start, run, (published) => {
    const message = published as TaskEnqueueMessage;
    const active = context.active();
    const span = message.isTracedByQueue ? undefined : startEnqueue(tracer(), message, active);
    const within = span ? trace.setSpan(active, span) : active;
    if (span) {
      begun(message, span);
    }
    propagation.inject(within, message.carrier);
    return within;
  });
  subscriptions.bind(attemptChannel.start, run, (published) => {
    const message = published as TaskAttemptMessage;
    if (message.isInThread) {
      return propagation.extract(context.active(), message.carrier);
    }
    const [span, within] = startAttempt(tracer(), message, relation());
    begun(message, span);
    if (message.runsIn === 'thread') {
      propagation.inject(within, message.carrier);
    }
    return within;
  });
  for (const channel of [enqueueChannel, attemptChannel]) {
    subscriptions.addLasting(channel.error, failed);
    subscriptions.addLasting(channel.asyncEnd, end);
  }
}

function startEnqueue(tracer: Tracer, { ids, queues }: TaskEnqueueMessage, active: Context): Span {
  const attributes: Attributes = {
    [SYSTEM]: SYSTEM_NAME,
    [OPERATION_NAME]: 'add',
    [OPERATION_TYPE]: 'send',
    ...(queues.length === 1 && { [DESTINATION]: queues[0]! }),
    ...(ids.length === 1 ? { [MESSAGE_ID]: ids[0]! } : { [MESSAGE_COUNT]: ids.length }),
  };
  return tracer.startSpan(`add ${queues.join(', ')}`, { kind: SpanKind.PRODUCER, attributes }, active);
}

function startAttempt(tracer: Tracer, message: TaskAttemptMessage, relation?: Relation): [Span, Context] {
  const { id, name, attempt, target, queue, carrier, isTracedByQueue } = message;
  const attributes: Attributes = {
    [TASK_ID]: id,
    [TASK_NAME]: name,
    [TASK_ATTEMPT]: attempt,
    [TASK_TARGET]: target,
  };
  // If the queue makes spans of its own, its span of the job is active, and this one becomes a child of it.
  const isMessage = queue !== undefined && !isTracedByQueue;
  const origin = isMessage ? propagation.extract(context.active(), carrier) : context.active();
  if (isMessage) {
    Object.assign(attributes, {
      [SYSTEM]: SYSTEM_NAME,
      [OPERATION_NAME]: 'process',
      [OPERATION_TYPE]: 'process',
      [DESTINATION]: queue,
      [MESSAGE_ID]: id,
    });
  }
  const isLinked = !isTracedByQueue && (relation ?? (isMessage ? 'link' : 'child')) === 'link';
  const linked = isLinked ? trace.getSpanContext(origin) : undefined;
  const options: SpanOptions = { kind: isMessage ? SpanKind.CONSUMER : SpanKind.INTERNAL, attributes, root: isLinked };
  if (linked) {
    options.links = [{ context: linked }];
  }
  const span = tracer.startSpan(isMessage ? `process ${queue}` : `task ${name}`, options, origin);
  return [span, trace.setSpan(origin, span)];
}

/** Messages and stacks of errors can hold connection strings. */
function fail(span: Span, error: unknown): void {
  const { message } = errorRecord(error);
  const name = errorType(error);
  span.setAttribute(ERROR_TYPE, name);
  span.setStatus({ code: SpanStatusCode.ERROR, message });
  span.recordException({ name, message, ...(isError(error) && { stack: stackOf(error) }) });
}
