import { isError, read } from '../util/inspect.ts';

/** The names of attributes. The names for messaging are from OpenTelemetry's semantic conventions 1.44. */
export const TASK_ID = 'background_tasks.task.id';
export const TASK_NAME = 'background_tasks.task.name';
export const TASK_ATTEMPT = 'background_tasks.task.attempt';
export const TASK_TARGET = 'background_tasks.task.target';
export const TASK_STATUS = 'background_tasks.task.status';
export const TASK_STATE = 'background_tasks.task.state';
export const QUEUE_NAME = 'background_tasks.queue.name';
export const ERROR_TYPE = 'error.type';
export const OPERATION_NAME = 'messaging.operation.name';
export const OPERATION_TYPE = 'messaging.operation.type';
export const SYSTEM = 'messaging.system';
export const DESTINATION = 'messaging.destination.name';
export const MESSAGE_ID = 'messaging.message.id';
export const MESSAGE_COUNT = 'messaging.batch.message_count';

/** The value of `messaging.system`: tasks can be in Redis, Postgres or memory. */
export const SYSTEM_NAME = 'nestjs-background-tasks';

export function errorType(error: unknown): string {
  const name = isError(error) ? read(error, 'name') : undefined;
  return typeof name === 'string' && name !== '' ? name : isError(error) ? 'Error' : typeof error;
}
