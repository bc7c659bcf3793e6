import type { Job, Worker } from 'bullmq';
import { retryUntil } from '../../util/retry-until.ts';
import { sleep } from '../../util/timers.ts';
import { MAX_DELAY } from '../../validation/option-rules.ts';
import { RECONNECT } from './store.ts';

/**
 * BullMQ's worker writes the end of an attempt once. When the server refuses that for a moment, BullMQ records a task that is
 * done as failed, or runs its function again. `makeLasting` lets the worker write until the server takes the end, or another
 * worker holds the lock. It also keeps a worker whose claims are refused from asking again without a pause.
 */

/** ms between two tries: the first, and at most. */
const PAUSE = { delay: 20, factor: 2, maxDelay: RECONNECT };

/** The methods of BullMQ's backend that end an attempt, and what they return when the end is in the queue already. */
const ENDS = {
  moveToCompleted: { state: 'completed', tokenAt: 3, written: () => ({ result: undefined, finishedOn: Date.now() }) },
  moveToFailed: { state: 'failed', tokenAt: 3, written: () => ({ result: undefined, finishedOn: Date.now() }) },
  moveToDelayed: { state: 'delayed', tokenAt: 3, written: () => [] },
  retryJob: { state: 'waiting', tokenAt: 2, written: () => undefined },
  moveJobFromActiveToWait: { state: 'waiting', tokenAt: 1, written: () => 0 },
} as const;

type End = keyof typeof ENDS;

/** BullMQ retries these itself, but only when the error has a code that it knows. */
const CLAIMS = ['moveToActive', 'updateJobSchedulerNextMillis'] as const;

type Method = (...args: readonly unknown[]) => Promise<unknown>;

/** The parts of BullMQ's worker that its types hide. */
interface Inside {
  readonly backend: Record<End | (typeof CLAIMS)[number], Method> & { getState(id: string): Promise<string> };
  readonly lockManager: {
    trackJob(id: string, token: string, since: number): void;
    untrackJob(id: string): void;
    close(): Promise<void>;
  };
  readonly stalledCheckStopper?: () => void;
}

export interface WorkerRules {
  /** Whether the server refused for now. */
  isNotNow(error: unknown): boolean;
  /** Whether BullMQ refused because the job is no longer this worker's. */
  isLost(error: unknown): boolean;
  /** Called once for each end that the server refused for now. */
  onEndRefused(id: string, error: unknown): void;
  onClaimRefused(error: unknown): void;
  /** True once the application cuts its connections: then no try can succeed. */
  isOver(): boolean;
}

export function makeLasting(worker: Worker, rules: WorkerRules): void {
  const inside = worker as unknown as Inside;
  for (const end of Object.keys(ENDS) as End[]) {
    const write = inside.backend[end].bind(inside.backend);
    inside.backend[end] = (...args) =>
      writeLastingly(inside, rules, end, write, end === 'moveToDelayed' ? withWaitInBounds(args) : args);
  }
  for (const claim of CLAIMS) {
    const ask = inside.backend[claim].bind(inside.backend);
    inside.backend[claim] = async (...args) => {
      try {
        return await ask(...args);
      } catch (error) {
        rules.onClaimRefused(error);
        if (rules.isNotNow(error)) {
          throw Object.assign(error as object, { code: 'ECONNREFUSED' });
        }
        // BullMQ asks again at once, and would freeze the process when the answer comes without a round trip.
        await sleep(RECONNECT);
        throw error;
      }
    };
  }
}

/** Ends the timers of a worker that could not close: while Redis is gone, `Worker.close` waits for it forever. */
export async function endTimers(worker: Worker): Promise<void> {
  const { lockManager, stalledCheckStopper } = worker as unknown as Inside;
  stalledCheckStopper?.();
  await lockManager.close();
}

/** After many attempts, BullMQ's exponential backoff is longer than servers can keep. Postgres takes whole numbers only. */
function withWaitInBounds([id, now, delay, ...others]: readonly unknown[]): readonly unknown[] {
  return [id, now, Math.min(Math.ceil(delay as number), MAX_DELAY), ...others];
}

async function writeLastingly(
  { backend, lockManager }: Inside,
  rules: WorkerRules,
  end: End,
  write: Method,
  args: readonly unknown[],
): Promise<unknown> {
  const { state, tokenAt, written } = ENDS[end];
  const id = typeof args[0] === 'string' ? args[0] : (args[0] as Job).id!;
  let refused: unknown;
  const tryOnce = async () => {
    try {
      return { value: await write(...args) };
    } catch (error) {
      // An earlier try can have been written though its answer was lost.
      if (rules.isLost(error) && (await backend.getState(id)) === state) {
        return { value: written() };
      }
      if (!rules.isNotNow(error)) {
        throw error;
      }
      if (refused === undefined) {
        rules.onEndRefused(id, error);
        // BullMQ renews the lock only until the first try.
        lockManager.trackJob(id, args[tokenAt] as string, Date.now());
      }
      refused = error;
      return undefined;
    }
  };
  try {
    const ended = await retryUntil(tryOnce, { ...PAUSE, shouldStop: () => rules.isOver() });
    if (!ended) {
      throw refused ?? new Error('Connection is closed.');
    }
    return ended.value;
  } finally {
    if (refused !== undefined) {
      lockManager.untrackJob(id);
    }
  }
}
