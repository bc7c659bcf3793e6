// The entry for files that define tasks for threads. Each thread loads such a file. This entry doesn't load Nest, which
// would make a thread start ten times slower and use four times the memory.

export { currentTask, type CurrentTask } from './handle/current-task.ts';
export { type TaskProgress } from './model/task-record.ts';
export { defineTask, type DefineTaskOptions } from './definition/define-task.ts';
export { move, type Movable } from './call/move.ts';
