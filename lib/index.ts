export { BackgroundTasksModule } from './module/background-tasks.module.ts';
export type {
  BackgroundTasksModuleOptions,
  BackgroundTasksOptionsFactory,
} from './options/background-tasks.options.ts';
export { BackgroundTasks, type FlushOptions } from './request/background-tasks.ts';
export { BackgroundTasksInterceptor } from './request/background-tasks.interceptor.ts';
export { Tasks } from './request/tasks.decorator.ts';
export type { Transaction } from './durable/transaction.ts';
export { TaskRunner } from './services/task-runner.service.ts';
export { currentTask, type CurrentTask } from './task/handle/current-task.ts';
export { type TaskProgress } from './task/model/task-record.ts';
export { defineTask, type DefineTaskOptions } from './task/definition/define-task.ts';
export { Task } from './task/definition/task.decorator.ts';
export { chain, group, step } from './task/call/flow-builders.ts';
export { Flow, previousResult } from './task/call/flow.ts';
export type { Repeat } from './task/definition/repeat.ts';
export { move, type Movable } from './task/call/move.ts';
export type { Backoff } from './task/definition/backoff.ts';
export { BackgroundTask } from './task/handle/background-task.ts';
export { TaskRegistry, type TaskFilter } from './services/task-registry.service.ts';
export type { TaskStore } from './records/task-store.ts';
export type {
  TaskAddMessage,
  TaskAttemptMessage,
  TaskEnqueueMessage,
  TaskStepMessage,
} from './observe/channel-messages.ts';
export type { TaskCarrier } from './task/model/task-carrier.ts';
export type { TaskTarget } from './task/model/task-target.ts';
export type { TaskEvent, TaskEventType } from './task/model/task-event.ts';
export type { Execution, OnFailure, RunOn, StoredTaskOptions, TaskOptions } from './task/definition/task-options.ts';
export type { Percentiles, TaskFigures, TaskStats } from './task/model/task-stats.ts';
export type { QueueStats } from './task/model/queue-stats.ts';
export type { TaskError, TaskRecord, TaskStatus } from './task/model/task-record.ts';
export { BackgroundTasksError } from './errors/background-tasks.error.ts';
export { DrainTimeoutError } from './engine/drain-timeout.error.ts';
export { ModuleImportError, UnsupportedPlatformError } from './errors/module.errors.ts';
export {
  DefineTaskError,
  InvalidOptionError,
  TaskArgumentError,
  TaskCancelledError,
  TaskProviderError,
  TaskThreadError,
  TaskTimeoutError,
  type CancelReason,
} from './errors/task.errors.ts';
export { TaskFilterError, TaskNotFoundError } from './errors/request.errors.ts';
export {
  ShuttingDownError,
  TaskQueueError,
  TaskStoreError,
  TooManyTasksError,
  UnavailableError,
} from './errors/unavailable.errors.ts';
