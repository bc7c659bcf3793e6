import { stackOf } from './error-text.ts';

/** Writes a warning of the process about an error of the application, where no logger is available. */
export function warnProcess(thrown: unknown): void {
  process.emitWarning(stackOf(thrown), 'BackgroundTasksWarning');
}
