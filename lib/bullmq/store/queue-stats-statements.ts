/*
 * Counts the jobs of many queues by one statement: a script on Redis, a query on Postgres. It reads a bounded number of jobs
 * of each queue: those that can be the oldest by their place in the queue, and those that failed last. For the layout of the
 * data see `job-statements.ts`.
 *
 * A waiting job does not tell since when it could be claimed. The later of two times is close: when it was added plus its
 * delay, and when a worker last claimed it.
 */
import type { Queue } from 'bullmq';
import type { QueueStats } from '../../task/model/queue-stats.ts';
import { redisOf, sql } from './job-statements.ts';

/** How many jobs are looked at for one age, and how many priorities. */
const MAX_LOOKS = 100;

/** The counts of one queue as a server gives them; times in ms since the epoch. */
interface Counted {
  readonly isPaused: boolean;
  readonly pending: number;
  readonly delayed: number;
  readonly running: number;
  readonly completed: number;
  readonly failed: number;
  readonly oldest: number | undefined;
  readonly lastFailed: number | undefined;
}

function statsOf(name: string, { oldest, lastFailed, ...counts }: Counted, now: number): QueueStats {
  // The clocks of the processes that wrote the times can be ahead.
  const ageOf = (time: number) => Math.max(0, now - time);
  return {
    name,
    ...counts,
    ...(oldest !== undefined && { oldestAge: ageOf(oldest) }),
    ...(lastFailed !== undefined && { failedAge: ageOf(lastFailed) }),
  };
}

const STATS = `
  local now = tonumber(ARGV[1])
  local looks = tonumber(ARGV[2])

  -- Other programs can write anything, and "nan" is a number here.
  local function number(value)
    local parsed = tonumber(value)
    return parsed and parsed == parsed and parsed or 0
  end

  local function decode(json)
    local isJson, value = pcall(cjson.decode, json or '')
    return isJson and type(value) == 'table' and value or {}
  end

  local function claimableSince(key)
    local job = redis.call('HMGET', key, 'timestamp', 'processedOn', 'opts')
    local added = number(job[1])
    return added > 0 and math.max(added + math.max(0, number(decode(job[3]).delay)), number(job[2])) or now
  end

  local function isCancelled(key)
    local job = redis.call('HMGET', key, 'data', 'stacktrace')
    local stacks = decode(job[2])
    local last = stacks[#stacks]
    if type(last) == 'string' and string.match(last, '^[%w_]+') == ARGV[3] then
      return true
    end
    local data = job[1] or ''
    return string.find(data, '"cancelledAt":', 1, true) ~= nil and type(decode(data).cancelledAt) == 'number'
  end

  local all = {}
  for i, prefix in ipairs(KEYS) do
    local oldest = math.huge
    local pending = 0
    for _, name in ipairs({ 'wait', 'paused' }) do
      local waiting = redis.call('LLEN', prefix .. name)
      pending = pending + waiting
      if waiting > 0 then
        for _, id in ipairs(redis.call('LRANGE', prefix .. name, -looks, -1)) do
          oldest = math.min(oldest, claimableSince(prefix .. id))
        end
      end
    end

    local prioritized = redis.call('ZCARD', prefix .. 'prioritized')
    pending = pending + prioritized
    local from = '-inf'
    for look = 1, prioritized > 0 and looks or 0 do
      -- The first one of the next priority.
      local first = redis.call('ZRANGEBYSCORE', prefix .. 'prioritized', from, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
      if not first[1] then
        break
      end
      oldest = math.min(oldest, claimableSince(prefix .. first[1]))
      from = string.format('%.0f', (math.floor(tonumber(first[2]) / 0x100000000) + 1) * 0x100000000)
    end

    local delayed = redis.call('ZCARD', prefix .. 'delayed')
    pending = pending + delayed + redis.call('ZCARD', prefix .. 'waiting-children')
    if delayed > 0 then
      local due = math.floor(tonumber(redis.call('ZRANGE', prefix .. 'delayed', 0, 0, 'WITHSCORES')[2]) / 0x1000)
      if due <= now then
        oldest = math.min(oldest, due)
        delayed = redis.call('ZCOUNT', prefix .. 'delayed', string.format('%.0f', (now + 1) * 0x1000), '+inf')
      end
    end

    local lastFailed = -1
    local failed = redis.call('ZREVRANGE', prefix .. 'failed', 0, looks - 1, 'WITHSCORES')
    for at = 1, #failed, 2 do
      if not isCancelled(prefix .. failed[at]) then
        lastFailed = tonumber(failed[at + 1])
        break
      end
    end

    all[i] = {
      redis.call('HEXISTS', prefix .. 'meta', 'paused'),
      pending,
      delayed,
      redis.call('LLEN', prefix .. 'active'),
      redis.call('ZCARD', prefix .. 'completed'),
      redis.call('ZCARD', prefix .. 'failed'),
      oldest < math.huge and oldest or -1,
      lastFailed,
    }
  end
  return all`;

/** @param cancelled the name of the error in the stack of a cancelled job */
export async function redisQueueStats(queues: readonly Queue[], cancelled: string): Promise<QueueStats[]> {
  const redis = await redisOf(queues[0]!);
  const keys = queues.map((queue) => queue.toKey(''));
  const now = Date.now();
  const all = (await redis.eval(STATS, keys.length, ...keys, now, MAX_LOOKS, cancelled)) as number[][];
  return all.map((counts, i) => {
    const [isPaused, pending, delayed, running, completed, failed, oldest, lastFailed] = counts as [
      ...(readonly [number, number, number, number, number, number, number, number]),
    ];
    return statsOf(
      queues[i]!.name,
      {
        isPaused: isPaused === 1,
        pending,
        delayed,
        running,
        completed,
        failed,
        oldest: oldest < 0 ? undefined : oldest,
        lastFailed: lastFailed < 0 ? undefined : lastFailed,
      },
      now,
    );
  });
}

// `numeric`, because other programs can write a delay that is no `bigint`, or below 0.
const SINCE = `greatest(
    added_at_ms + CASE WHEN jsonb_typeof(opts->'delay') = 'number' THEN greatest(0, (opts->>'delay')::numeric) ELSE 0 END,
    processed_at_ms
  )`;

/** Each count has an index of its own: BullMQ's, for one state. */
const STATS_QUERY = `
  SELECT
    EXISTS (SELECT FROM meta WHERE meta.queue = counted.queue AND field = 'paused' AND value = '1') AS is_paused,
    (SELECT count(*) FROM job WHERE job.queue = counted.queue AND state = 'waiting')
      + (SELECT count(*) FROM job WHERE job.queue = counted.queue AND state = 'delayed')
      + (SELECT count(*) FROM job WHERE job.queue = counted.queue AND state = 'waiting-children') AS pending,
    (SELECT count(*) FROM job WHERE job.queue = counted.queue AND state = 'delayed' AND process_at_ms > $2) AS delayed,
    (SELECT count(*) FROM job WHERE job.queue = counted.queue AND state = 'active') AS running,
    (SELECT count(*) FROM job WHERE job.queue = counted.queue AND state = 'completed') AS completed,
    (SELECT count(*) FROM job WHERE job.queue = counted.queue AND state = 'failed') AS failed,
    least(
      (
        WITH RECURSIVE priorities AS (
          (SELECT priority, 1 AS look FROM job
            WHERE job.queue = counted.queue AND state = 'waiting' ORDER BY priority LIMIT 1)
          UNION ALL
          SELECT following.priority, look + 1
            FROM priorities, LATERAL (
              SELECT priority FROM job
               WHERE job.queue = counted.queue AND state = 'waiting' AND job.priority > priorities.priority
               ORDER BY priority LIMIT 1
            ) AS following
           WHERE look < $3
        )
        SELECT min(since)
          FROM priorities, LATERAL (
            SELECT ${SINCE} AS since FROM job
             WHERE job.queue = counted.queue AND state = 'waiting' AND job.priority = priorities.priority
             ORDER BY seq LIMIT CASE WHEN priorities.priority = 0 THEN $3 ELSE 1 END
          ) AS first
      ),
      (SELECT min(process_at_ms) FROM job WHERE job.queue = counted.queue AND state = 'delayed' AND process_at_ms <= $2)
    ) AS oldest,
    (
      SELECT max(finished_at_ms)
        FROM (
          SELECT finished_at_ms, data, stacktrace FROM job
           WHERE job.queue = counted.queue AND state = 'failed' ORDER BY finished_at_ms DESC LIMIT $3
        ) AS last
       WHERE jsonb_typeof(data->'cancelledAt') IS DISTINCT FROM 'number'
         AND coalesce(stacktrace->>-1, '') !~ ('^' || $4 || '\\M')
    ) AS last_failed
    FROM unnest($1::text[]) WITH ORDINALITY AS counted(queue, position)
   ORDER BY position`;

/** @param cancelled the name of the error in the stack of a cancelled job */
export async function postgresQueueStats(queues: readonly Queue[], cancelled: string): Promise<QueueStats[]> {
  const names = queues.map(({ name }) => name);
  const now = Date.now();
  const { rows } = await sql(queues[0]!, STATS_QUERY, names, now, MAX_LOOKS, cancelled);
  return rows.map((row, i) => {
    const numberOf = (column: string) => Number(row[column]);
    const timeOf = (column: string) => (row[column] === null ? undefined : numberOf(column));
    return statsOf(
      names[i]!,
      {
        isPaused: row['is_paused'] as boolean,
        pending: numberOf('pending'),
        delayed: numberOf('delayed'),
        running: numberOf('running'),
        completed: numberOf('completed'),
        failed: numberOf('failed'),
        oldest: timeOf('oldest'),
        lastFailed: timeOf('last_failed'),
      },
      now,
    );
  });
}
