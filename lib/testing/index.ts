export type { AddedFilter, AddedTask } from './added-task.ts';
export type { TaskAssertions } from './task-assertions.ts';
export type { TestMode } from './test-control.ts';
export type { RunOptions, TestTasksModuleOptions, UnitTasksOptions } from './test-options.ts';
export { TestTasks } from './test-tasks.ts';
export { TestTasksError } from './test-tasks.error.ts';
export { TestTasksModule } from './test-tasks.module.ts';
export type { UnitTasks } from './unit-tasks.ts';
