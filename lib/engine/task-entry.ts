import type { TaskCall } from '../task/call/task-call.ts';
import type { OnFailure, RunOn, TaskOptions } from '../task/definition/task-options.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';

/** Options of a task, with those filled in without which none can run. */
export type ResolvedTaskOptions = TaskOptions & { readonly runOn: RunOn; readonly onFailure: OnFailure };

/** A task that waits for its turn, with what running it takes and what is let go of afterwards. */
export interface TaskEntry {
  readonly task: BackgroundTask;
  readonly call: TaskCall;
  readonly options: ResolvedTaskOptions;
  /** By `performance.now()`, since a clock can be set. */
  readonly addedAt: number;
  /** Which list is to run it: it shares with others in what there is too little of. */
  list: TaskOwner;
  /** Who is to hear of its progress, where it comes from a queue: that tries again, and not this process. */
  readonly stored?: { progressed(task: BackgroundTask): void };
  /** Whether its list has begun to run it. */
  isTaken: boolean;
  /** Lists of those who wanted it as well, and got this one: if it doesn't run where it is, it is theirs. */
  claimants?: Map<TaskOwner, ResolvedTaskOptions> | undefined;
}

/** A list, as far as others have to do with it. */
export interface TaskOwner {
  readonly isOpen: boolean;
  adopt(queued: TaskEntry, options: ResolvedTaskOptions): void;
  /** What holds for a task where it is this list that runs it. */
  optionsOf(queued: TaskEntry): ResolvedTaskOptions;
}

/** Whether the request to which a list belongs went well; `undefined` where there is no request. */
export type Outcome = 'success' | 'failure' | undefined;

/** Whether a task runs after such an outcome. */
export function isWantedAfter(outcome: Outcome, { runOn }: Pick<TaskOptions, 'runOn'>): boolean {
  return outcome === undefined || runOn === 'always' || runOn === outcome;
}
