import { type Named, nameOf, namesOf } from '../util/phrases.ts';

/** How many lost tasks one line names. With all of `maxPending`, the line would be megabytes long. */
const MAX_LOST = 1_000;

const ofRequest = (origin: string | undefined) => (origin ? ` of ${origin}` : '');

export const taskFailed = (task: Named, origin?: string) => `Task ${nameOf(task)}${ofRequest(origin)} failed`;

export const taskRetrying = (task: Named & { readonly attempts: number }, delay: number, origin?: string) =>
  `Attempt ${task.attempts} of task ${nameOf(task)}${ofRequest(origin)} failed; the next attempt starts in ${delay} ms`;

export const retryIfThrew = (task: Named) => `retryIf of task ${nameOf(task)} threw, so there is no further attempt`;

export const tasksSkipped = (failed: Named, skipped: readonly Named[], origin?: string) =>
  `Task ${nameOf(failed)}${ofRequest(origin)} failed, so the tasks after it were skipped: ${namesOf(skipped)}. ` +
  "Set onFailure: 'continue' to run them.";

export const tasksNotEnqueued = (tasks: readonly Named[], isRunHere: boolean, origin?: string) =>
  `The queue refused ${namesOf(tasks)}${ofRequest(origin)}. ` +
  (isRunHere
    ? 'This process runs refused tasks now, and loses them if it ends before they settle.'
    : 'A refused task does not run.');

export const notStoredSkipped = (name: string) =>
  `stored(): expected task "${name}" to get into its queue, got a response that its runOn does not match, so the task was ` +
  "skipped. Add it with runOn: 'always' if it has to run.";

export const discarded = (name: string) =>
  `stored(): expected task "${name}" to get into its queue, got a call of discard() before that. Add it again if it has to run.`;

export const tasksLost = (finished: number, lost: readonly Named[], timeout: number) =>
  `Shutdown: ${finished} task(s) settled. ${lost.length} did not settle within shutdownTimeout (${timeout} ms) and were ` +
  `cancelled: ${namesOf(lost, MAX_LOST)}`;

export const eventLoopBlocked = (name: string, busy: number, threshold: number) =>
  `Task "${name}" blocked the event loop for ${Math.round(busy)} ms (blockingThreshold: ${threshold}). ` +
  'In that time this process answered no request. ' +
  'Move the task to a worker thread: defineTask(fn, { thread: import.meta.url }). This warning appears once for each name.';

export const tooManyTasks = (name: string, maxPending: number) =>
  `Task "${name}" was not accepted: ${maxPending} task(s) are unsettled, as many as maxPending allows. ` +
  'Try again later, or raise maxPending.';

export const wrongDrainTimeout = (came: string, expected: string) =>
  `drain(timeout): expected ${expected}, got ${came}.`;

export const drainTimedOut = (timeout: number, tasks: readonly Named[]) =>
  `drain(${timeout}): ${tasks.length} task(s) had not settled after ${timeout} ms: ${namesOf(tasks)}. ` +
  'They go on. Wait longer, or cancel them.';

export const subscriberThrew = () =>
  'A subscriber of TaskRunner.events, TaskRegistry.follow or a diagnostics channel threw';

export const storeFailed = () =>
  'The record store fails. Tasks go on. When the store works again, it gets the newest records of up to 10,000 tasks.';

export const recordRefused = (task: Named) =>
  `The record store refuses the record of task ${nameOf(task)} and takes others. This record is not shared. ` +
  'Check the size of its result.';

export const idleThreadLost = () =>
  'An error ended an idle worker thread. An earlier task left something running there, such as a timer. ' +
  'The pool replaces the thread.';
