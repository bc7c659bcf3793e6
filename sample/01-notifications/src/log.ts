import { appendFileSync } from 'node:fs';

export const logFile = () => process.env['LOG_FILE'] ?? 'log.txt';

export function writeLog(message: string): void {
  appendFileSync(logFile(), message);
}
