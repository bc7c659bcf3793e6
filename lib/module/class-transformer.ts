import { BackgroundTask } from '../task/handle/background-task.ts';
import type { TaskError, TaskRecord } from '../task/model/task-record.ts';

/** What clients see of a handle: as in its JSON, the route is left out. */
const fields: Record<keyof Omit<TaskRecord, 'resultOmitted' | 'route'>, true> = {
  id: true,
  name: true,
  queue: true,
  status: true,
  attempts: true,
  createdAt: true,
  startedAt: true,
  finishedAt: true,
  progress: true,
  result: true,
  error: true,
};

/** The error of a record. A class, because the strategy `excludeAll` leaves nothing of a plain object. */
class ExposedError {
  readonly name: string;
  readonly message: string;
  readonly cause: ExposedError | undefined;

  constructor({ name, message, cause }: TaskError) {
    this.name = name;
    this.message = message;
    this.cause = cause && new ExposedError(cause);
  }
}

let isExposed = false;

/**
 * Tells class-transformer, if the application has it, that a handle is a record.
 *
 * Nest's `ClassSerializerInterceptor` uses class-transformer, which does not call `toJSON`. It would enter the error as the
 * task threw it, which may hold a request with its passwords. With `excludeAll` or `excludeExtraneousValues`, it would
 * leave nothing of a handle.
 */
export async function exposeHandles(): Promise<void> {
  const found = isExposed ? undefined : await load();
  if (!found) {
    return;
  }
  isExposed = true;
  const { Expose, Transform } = found;
  const handle = BackgroundTask.prototype;
  for (const field of Object.keys(fields)) {
    Expose()(handle, field);
  }
  for (const time of ['createdAt', 'startedAt', 'finishedAt']) {
    Transform(({ value }) => (value as Date | undefined)?.toISOString(), { toPlainOnly: true })(handle, time);
  }
  for (const field of ['name', 'message', 'cause']) {
    Expose()(ExposedError.prototype, field);
  }
  Transform(
    ({ obj }) => {
      const { error } = (obj as BackgroundTask).toRecord();
      return error && new ExposedError(error);
    },
    { toPlainOnly: true },
  )(handle, 'error');
}

async function load(): Promise<typeof import('class-transformer') | undefined> {
  try {
    return await import('class-transformer');
  } catch (error) {
    if (/MODULE_NOT_FOUND/.test(String((error as { code?: unknown }).code))) {
      return undefined;
    }
    throw error;
  }
}
