import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The file in which processes note the tasks that they run. The notes outlive a process that is killed. */
export class Notes {
  #folder = mkdtempSync(join(tmpdir(), 'notes-'));
  #file = openSync(join(this.#folder, 'notes'), 'a+');
  #read = 0;
  #rest = '';
  #runs = new Map();

  get file() {
    return join(this.#folder, 'notes');
  }

  /** The runs so far, each with the number of its task, its process, and the times at which it began and ended, in ms. */
  get runs() {
    const buffer = Buffer.alloc(1 << 16);
    for (let size; (size = readSync(this.#file, buffer, 0, buffer.length, this.#read)) > 0; this.#read += size) {
      const lines = (this.#rest + buffer.toString('latin1', 0, size)).split('\n');
      this.#rest = lines.pop();
      for (const line of lines) {
        this.#add(line);
      }
    }
    return [...this.#runs.values()];
  }

  /** The runs of each task, by its number. */
  get tasks() {
    const tasks = new Map();
    for (const run of this.runs) {
      tasks.set(run.task, [...(tasks.get(run.task) ?? []), run]);
    }
    return tasks;
  }

  #add(line) {
    const [what, run, task, time] = line.split(' ');
    if (what === 'start') {
      this.#runs.set(run, { task: Number(task), pid: Number.parseInt(run, 10), startedAt: Number(time) });
    } else {
      this.#runs.get(run).endedAt = Number(time);
    }
  }

  close() {
    closeSync(this.#file);
    rmSync(this.#folder, { recursive: true });
  }
}
