// report.task.ts
import { writeFile } from 'node:fs/promises';
import { currentTask, defineTask } from 'nestjs-background-tasks/task';

export const generateReport = defineTask(
  async function generateReport(userId: number, type: string) {
    const lines = Array.from({ length: 10_000 }, (_, i) => `${type} ${i} of user ${userId}`); // as long as it takes
    currentTask()?.updateProgress(0.5);
    const file = `user_${userId}_${type}.txt`;
    await writeFile(file, lines.join('\n'));
    return { file };
  },
  { thread: import.meta.url, timeout: 60_000 },
);
