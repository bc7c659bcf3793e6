import { stackOf } from './error-text.ts';

/** Makes a warning of the process of what code of the application has thrown, where no logger can be told. */
export function warnProcess(thrown: unknown): void {
  process.emitWarning(stackOf(thrown), 'BackgroundTasksWarning');
}
