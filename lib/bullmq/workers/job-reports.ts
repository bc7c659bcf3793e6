import type { DurableAttempt } from '../../durable/attempt-runner.ts';
import type { BackgroundTask } from '../../task/handle/background-task.ts';
import { JobProgress } from '../jobs/job-progress.ts';
import type { TaskJob } from '../jobs/task-job.ts';
import type { JobMarks } from '../queues/job-marks.ts';
import { JobBeginning } from './job-beginning.ts';

/** Writes to a job what happens while its attempt runs: that its function has begun, and its progress. */
export class JobReports implements Pick<DurableAttempt['observer'], 'began' | 'progressed'> {
  readonly #beginning: JobBeginning;
  /** Made with the first progress: most tasks have none. */
  #progress?: JobProgress;

  /** @param onError is told of a failed write: the task itself goes on */
  constructor(
    private readonly job: TaskJob,
    marks: JobMarks,
    private readonly onError: (error: unknown) => void,
  ) {
    this.#beginning = new JobBeginning(job, marks, onError);
  }

  began({ startedAt }: BackgroundTask): void {
    this.#beginning.began(startedAt!.getTime());
  }

  /** Writes what has waited long enough. Call it again and again while the attempt runs. */
  look(time: number): void {
    this.#beginning.look(time);
  }

  progressed({ progress }: BackgroundTask): void {
    this.#progress ??= new JobProgress(this.job, () => this.#beginning.say(), this.onError);
    this.#progress.write(progress!);
  }

  /** The writes that are underway; `undefined` if there are none, as mostly. */
  get writing(): Promise<void> | undefined {
    const { said } = this.#beginning;
    const written = this.#progress?.writing;
    return said && written ? said.then(() => written) : (said ?? written);
  }
}
