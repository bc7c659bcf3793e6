import { createHash } from 'node:crypto';
import { isMainThread } from 'node:worker_threads';
import { currentTask } from 'nestjs-background-tasks/task';

export function digest(text: string) {
  return {
    digest: createHash('md5').update(text).digest('hex'),
    task: currentTask()?.name,
    isMainThread,
  };
}
