import type { TaskRecord } from '../task/model/task-record.ts';
import { type Named, nameOf, namesOf } from '../util/phrases.ts';

/** More would be a line of megabytes. */
const MAX_LOST = 1_000;
const ofRequest = (origin: string | undefined) => (origin ? ` of ${origin}` : '');

export const tasksNotEnqueued = (tasks: readonly Named[], isRunHere: boolean, origin?: string) =>
  `${namesOf(tasks)}${ofRequest(origin)} could not be stored, ` +
  (isRunHere ? 'so this process runs what no other will, and not again if it ends before.' : 'and will not run.');

export const wrongDrainTimeout = (came: string, expected: string) =>
  `drain(timeout): expected ${expected}; got ${came}.`;

export const drainTimedOut = (timeout: number, tasks: readonly Named[]) =>
  `drain(${timeout}): ${tasks.length} task(s) had not settled after ${timeout} ms: ${namesOf(tasks)}. ` +
  'They go on; wait longer, or end them.';

export const taskFailed = (task: Named, origin?: string) => `Task ${nameOf(task)}${ofRequest(origin)} failed`;

export const tasksSkipped = (failed: Named, skipped: readonly Named[], origin?: string) =>
  `Task ${nameOf(failed)}${ofRequest(origin)} failed, so those after it were skipped: ${namesOf(skipped)}. ` +
  "With onFailure: 'continue' they would have run.";

export const eventLoopBlocked = (name: string, busy: number, threshold: number) =>
  `Task "${name}" kept the event loop busy for ${Math.round(busy)} ms (blockingThreshold: ${threshold}); ` +
  'meanwhile this process answered nobody. ' +
  'Move it to a worker thread by defineTask(fn, { thread: import.meta.url }). This is said once for each name.';

export const tooManyTasks = (name: string, maxPending: number) =>
  `Task "${name}" was not accepted: ${maxPending} task(s) have not come to their end, as many as maxPending allows. ` +
  'Try again later, or raise maxPending.';

export const idleThreadLost = () =>
  'A thread in which no task was running ended by an error: something that a task has left behind there, such as a ' +
  'timer. It will be replaced.';

export const tasksLost = (finished: number, lost: readonly Named[], timeout: number) =>
  `Shutdown: ${finished} task(s) finished, and ${lost.length} could not within shutdownTimeout (${timeout} ms) and were ` +
  `cancelled: ${namesOf(lost, MAX_LOST)}`;

export const taskRetrying = (task: Named & Pick<TaskRecord, 'attempts'>, delay: number, origin?: string) =>
  `Attempt ${task.attempts} of task ${nameOf(task)}${ofRequest(origin)} failed; the next is in ${delay} ms`;

export const retryIfThrew = (task: Named) => `retryIf of task ${nameOf(task)} threw, so the task is not tried again`;

export const subscriberThrew = () => 'A subscriber of TaskRunner.events threw';

export const storeFailed = () =>
  'The store of task records fails. Tasks go on, and their records are written when it works again.';

export const recordRefused = (task: Named) =>
  `The store takes other records of tasks, and not that of task ${nameOf(task)}, which is given up. Is its result too large?`;
