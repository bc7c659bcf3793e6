import { perThread } from '../../util/per-thread.ts';

/**
 * Which files define tasks for threads, and which ones call `forRoot`. A file that does both would start the application in
 * a thread. It is found by the call that comes second, because a bundle can hold the two in either order.
 */
const files = perThread('applicationFiles', () => ({
  /** By path: the name of a task. */
  tasks: new Map<string, string>(),
  applications: new Set<string>(),
}));

/** @returns whether the file calls `forRoot` */
export function noteTaskFile(file: string, name: string): boolean {
  files.tasks.set(file, name);
  return files.applications.has(file);
}

/** @returns the name of a task for threads that the file defines */
export function noteApplicationFile(file: string): string | undefined {
  files.applications.add(file);
  return files.tasks.get(file);
}

/** The name of a task for threads, if this thread has defined any. */
export function anyThreadTask(): string | undefined {
  return files.tasks.values().next().value;
}
