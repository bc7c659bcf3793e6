/**
 * What a file needs that defines tasks for threads. Each thread loads that file: from here it doesn't load Nest, which
 * would take ten times as long to start and four times the memory.
 */
export { currentTask, type CurrentTask } from './handle/current-task.ts';
export { type TaskProgress } from './model/task-record.ts';
export { defineTask, type DefineTaskOptions } from './definition/define-task.ts';
export { move, type Movable } from './call/move.ts';
