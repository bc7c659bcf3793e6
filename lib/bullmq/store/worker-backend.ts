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

const WAITING = ['waiting', 'prioritized'];

/** The methods of BullMQ's backend that end an attempt, and what they return when the end is in the queue already. */
const ENDS = {
  moveToCompleted: {
    states: ['completed'],
    tokenAt: 3,
    written: () => ({ result: undefined, finishedOn: Date.now() }),
  },
  moveToFailed: { states: ['failed'], tokenAt: 3, written: () => ({ result: undefined, finishedOn: Date.now() }) },
  moveToDelayed: { states: ['delayed'], tokenAt: 3, written: () => [] },
  retryJob: { states: WAITING, tokenAt: 2, written: () => undefined },
  moveJobFromActiveToWait: { states: WAITING, tokenAt: 1, written: () => 0 },
} as const;

type End = keyof typeof ENDS;

/** BullMQ retries these itself, but only when the error has a code that it knows. */
const CLAIMS = ['moveToActive', 'updateJobSchedulerNextMillis'] as const;

/**
 * What a worker writes while a task runs. BullMQ writes it once: a refused progress would be missing in the record, and a refused
 * renewal would cost the lock half of its time.
 */
const MEANWHILE = ['updateProgress', 'extendLocks'] as const;

type Method = (...args: readonly unknown[]) => Promise<unknown>;

/** The parts of BullMQ's worker that its types hide. */
interface Inside {
  readonly backend: Record<End | (typeof CLAIMS | typeof MEANWHILE)[number], Method> & {
    getState(id: string): Promise<string>;
  };
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
  for (const name of MEANWHILE) {
    const write = inside.backend[name].bind(inside.backend);
    inside.backend[name] = (...args) => untilAccepted(rules, () => write(...args));
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

/** Mostly the first try is the only one: then it costs no more than BullMQ's own. */
async function writeLastingly(
  inside: Inside,
  rules: WorkerRules,
  end: End,
  write: Method,
  args: readonly unknown[],
): Promise<unknown> {
  if (rules.isOver()) {
    throw closed();
  }
  const first = write(...args);
  try {
    return await first;
  } catch {
    return goOnWriting(inside, rules, end, write, args, first);
  }
}

/** @param first the first try, which has failed */
async function goOnWriting(
  { backend, lockManager }: Inside,
  rules: WorkerRules,
  end: End,
  write: Method,
  args: readonly unknown[],
  first: Promise<unknown>,
): Promise<unknown> {
  const { states, tokenAt, written } = ENDS[end];
  const id = typeof args[0] === 'string' ? args[0] : (args[0] as Job).id!;
  let isRefused = false;
  let next: Promise<unknown> | undefined = first;
  const writeOnce = async () => {
    const current = next ?? write(...args);
    next = undefined;
    try {
      return await current;
    } catch (error) {
      // The server may have written an earlier try, although its answer was lost.
      if (rules.isLost(error) && (states as readonly string[]).includes(await backend.getState(id))) {
        return written();
      }
      if (!isRefused && rules.isNotNow(error)) {
        isRefused = true;
        rules.onEndRefused(id, error);
        // BullMQ renews the lock only until the first try.
        lockManager.trackJob(id, args[tokenAt] as string, Date.now());
      }
      throw error;
    }
  };
  try {
    return await untilAccepted(rules, writeOnce, () => next === undefined && rules.isOver());
  } finally {
    if (isRefused) {
      lockManager.untrackJob(id);
    }
  }
}

/** Writes again while the server refuses for now. @throws the server's error: a final one, or the last one before the cut */
async function untilAccepted(
  rules: WorkerRules,
  write: () => Promise<unknown>,
  shouldStop = () => rules.isOver(),
): Promise<unknown> {
  let refused: unknown;
  const tryOnce = async () => {
    try {
      return { value: await write() };
    } catch (error) {
      if (!rules.isNotNow(error)) {
        throw error;
      }
      refused = error;
      return undefined;
    }
  };
  const accepted = await retryUntil(tryOnce, { ...PAUSE, shouldStop });
  if (!accepted) {
    throw refused ?? closed();
  }
  return accepted.value;
}

function closed(): Error {
  return new Error('Connection is closed.');
}
