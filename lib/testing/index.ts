export type { AddedFilter, AddedTask } from './added-task.ts';
export type { RunOptions, TaskAssertions } from './task-assertions.ts';
export type { TestMode } from './test-control.ts';
export { TestTasks } from './test-tasks.ts';
export { TestTasksError } from './test-tasks.error.ts';
export { TestTasksModule, type TestTasksModuleOptions } from './test-tasks.module.ts';
export type { UnitTasks, UnitTasksOptions } from './unit-tasks.ts';
