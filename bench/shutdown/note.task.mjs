import { appendFileSync } from 'node:fs';
import { defineTask } from 'nestjs-background-tasks/task';

/** Keeps its thread busy for `ms`, and then notes that it has run. */
export const noteInThread = defineTask(
  function noteInThread(file, line, ms) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    appendFileSync(file, `${line}\n`);
  },
  { thread: import.meta.url },
);
