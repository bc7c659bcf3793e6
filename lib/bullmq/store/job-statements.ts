/*
 * Statements that BullMQ has no call for. Each function here is one step on the server, so that nothing changes in between.
 * They rely on how BullMQ lays out its data: for Redis see `src/classes/queue-keys.ts` and `src/commands`, for Postgres
 * `src/postgres/migrations/0001_schema.sql` of taskforcesh/bullmq.
 */
import type { Queue } from 'bullmq';
import { SERVER_AND_DATABASE } from './transaction-flows.ts';

/** The data of a job, with what tells whether the job has changed since. */
export interface JobVersion {
  /** JSON, as the server has it. */
  readonly data: string;
  /** How often workers have claimed the job. */
  readonly claims: number;
  /** ms since the epoch; 0 while the job has not settled. */
  readonly finishedOn: number;
}

/** How a job settled, as its last event tells. */
export interface JobEnd {
  readonly event: 'completed' | 'failed';
  /** ms since the epoch. */
  readonly at: number;
  /** JSON. Only for `completed`. */
  readonly returnvalue?: string;
  /** Only for `failed`. */
  readonly failedReason?: string;
}

/** A job that a transaction has added. */
export interface AddedJob {
  readonly queueName: string;
  readonly id: string;
}

export interface JobStatements {
  version(queue: Queue, id: string): Promise<JobVersion | undefined>;

  /** Replaces the data of a job. @returns false if the job is no longer in that version */
  replaceData(queue: Queue, id: string, version: JobVersion, data: string): Promise<boolean>;

  /**
   * Reads the ids of a queue at one moment, those of the newest tasks first.
   *
   * @param states BullMQ's states
   */
  newestIds(queue: Queue, states: readonly string[], name: string | undefined, limit: number): Promise<string[]>;

  /** @returns the ids of those jobs that are in the queue, settled or not */
  present(queue: Queue, ids: readonly string[]): Promise<string[]>;

  /** Removes the mark that makes a waiting job fail because a step before it has failed. */
  forgetFailedStep(queue: Queue, id: string): Promise<void>;

  /** Reads how a job settled if its queue no longer has it; `undefined` if the events do not tell. */
  endOf(queue: Queue, id: string): Promise<JobEnd | undefined>;

  /** Sets a field of the queue's metadata unless it is set. @returns the field's value */
  setMetaOnce(queue: Queue, field: string, value: string): Promise<string>;
}

/** Redis can't sort the jobs of a state by age, so `newestIds` looks at this many of each state. */
const MAX_SORTED = 10_000;

const REPLACE_DATA = `
  local found = redis.call('HMGET', KEYS[1], 'data', 'ats', 'finishedOn')
  if found[1] ~= ARGV[1] or (found[2] or '0') ~= ARGV[2] or (found[3] or '0') ~= ARGV[3] then
    return 0
  end
  redis.call('HSET', KEYS[1], 'data', ARGV[4])
  return 1`;

const PRESENT = `
  local present = {}
  for i = 1, #ARGV do
    if redis.call('EXISTS', KEYS[1] .. ARGV[i]) == 1 then
      present[#present + 1] = ARGV[i]
    end
  end
  return present`;

const NEWEST_IDS = `
  local found = {}
  for i = 4, #ARGV do
    local key = KEYS[1] .. ARGV[i]
    local kind = redis.call('TYPE', key).ok
    local ids = {}
    if kind == 'list' then
      ids = redis.call('LRANGE', key, 0, ARGV[3] - 1)
    elseif kind == 'zset' then
      ids = redis.call('ZREVRANGE', key, 0, ARGV[3] - 1)
    end
    for _, id in ipairs(ids) do
      local job = redis.call('HMGET', KEYS[1] .. id, 'timestamp', 'name')
      if job[1] and (ARGV[1] == '' or job[2] == ARGV[1]) then
        -- Other programs can write any time, and "nan" is a number here.
        local time = tonumber(job[1])
        found[#found + 1] = { id, time and time == time and time or 0, #found }
      end
    end
  end
  table.sort(found, function(a, b)
    if a[2] == b[2] then
      return a[3] < b[3]
    end
    return a[2] > b[2]
  end)
  local newest = {}
  for i = 1, math.min(#found, tonumber(ARGV[2])) do
    newest[i] = found[i][1]
  end
  return newest`;

const END_OF = `
  local last = '+'
  while true do
    local events = redis.call('XREVRANGE', KEYS[1], last, '-', 'COUNT', 1000)
    for _, event in ipairs(events) do
      local fields = {}
      for i = 1, #event[2], 2 do
        fields[event[2][i]] = event[2][i + 1]
      end
      local name = fields.event
      if fields.jobId == ARGV[1] and (name == 'completed' or name == 'failed' or name == 'waiting') then
        return { name, event[1], fields.returnvalue or '', fields.failedReason or '' }
      end
    end
    if #events < 1000 then
      return false
    end
    last = events[#events][1]
  end`;

/** BullMQ's names of lists that differ from its names of states. */
const KEYS_OF: { readonly [state: string]: readonly string[] } = { waiting: ['wait', 'paused'] };

interface RedisClient {
  eval(script: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
  hmget(key: string, ...fields: string[]): Promise<(string | null)[]>;
  hsetnx(key: string, field: string, value: string): Promise<number>;
  hget(key: string, field: string): Promise<string | null>;
  hdel(key: string, field: string): Promise<number>;
}

export const redisOf = (queue: Queue) => (queue.backend as unknown as { client: Promise<RedisClient> }).client;

export const redisStatements: JobStatements = {
  async version(queue, id) {
    const redis = await redisOf(queue);
    const [data, claims, finishedOn] = await redis.hmget(queue.toKey(id), 'data', 'ats', 'finishedOn');
    return typeof data === 'string' ? { data, claims: Number(claims), finishedOn: Number(finishedOn) } : undefined;
  },

  async replaceData(queue, id, { data: from, claims, finishedOn }, data) {
    const redis = await redisOf(queue);
    return (await redis.eval(REPLACE_DATA, 1, queue.toKey(id), from, `${claims}`, `${finishedOn}`, data)) === 1;
  },

  async newestIds(queue, states, name, limit) {
    const keys = states.flatMap((state) => KEYS_OF[state] ?? [state]);
    const max = Math.min(limit, MAX_SORTED * keys.length);
    const redis = await redisOf(queue);
    return (await redis.eval(NEWEST_IDS, 1, queue.toKey(''), name ?? '', max, MAX_SORTED, ...keys)) as string[];
  },

  async present(queue, ids) {
    const redis = await redisOf(queue);
    return (await redis.eval(PRESENT, 1, queue.toKey(''), ...ids)) as string[];
  },

  async forgetFailedStep(queue, id) {
    const redis = await redisOf(queue);
    // Once a worker has claimed the job, the mark is also in that worker's memory.
    await redis.hdel(queue.toKey(id), 'defa');
  },

  async endOf(queue, id) {
    const redis = await redisOf(queue);
    const found = (await redis.eval(END_OF, 1, queue.toKey('events'), id)) as [string, string, string, string] | null;
    const [event, eventId, returnvalue, failedReason] = found ?? [];
    return event === 'completed' || event === 'failed'
      ? { event, at: Number(eventId!.split('-')[0]), returnvalue: returnvalue!, failedReason: failedReason! }
      : undefined;
  },

  async setMetaOnce(queue, field, value) {
    const redis = await redisOf(queue);
    await redis.hsetnx(queue.toKey('meta'), field, value);
    return (await redis.hget(queue.toKey('meta'), field))!;
  },
};

/** The SQLSTATE of a transaction id that the server has not given to a transaction yet. */
const IN_THE_FUTURE = '22023';

/** Asks Postgres how transactions have ended. */
export const transactionStatements = {
  /** @returns those of the transactions that have ended */
  async ended(queue: Queue, xids: readonly string[]): Promise<readonly string[]> {
    try {
      // Postgres forgets the status of very old transactions.
      const { rows } = await sql(
        queue,
        `SELECT xid FROM unnest($1::text[]) AS t(xid) WHERE coalesce(pg_xact_status(xid::xid8), 'over') <> 'in progress'`,
        xids,
      );
      return rows.map(({ xid }) => xid as string);
    } catch (error) {
      if ((error as { code?: unknown }).code !== IN_THE_FUTURE) {
        throw error;
      }
      // A server that took over from another has lost this transaction. It must not hide how the others ended.
      return xids.length === 1
        ? xids
        : (await Promise.all(xids.map((xid) => transactionStatements.ended(queue, [xid])))).flat();
    }
  },

  /** @returns the server and the database of the queue, as `SERVER_AND_DATABASE` names them */
  async place(queue: Queue): Promise<string> {
    const { rows } = await sql(queue, `SELECT ${SERVER_AND_DATABASE} AS place`);
    return rows[0]!['place'] as string;
  },
};

type Rows = { readonly rows: readonly { readonly [column: string]: unknown }[]; readonly rowCount?: number | null };

export async function sql(queue: Queue, text: string, ...params: unknown[]): Promise<Rows> {
  await queue.waitUntilReady();
  const { connection } = queue.backend as unknown as {
    connection: { pool: { query(text: string, params: unknown[]): Promise<Rows> } };
  };
  return connection.pool.query(text, params);
}

export const postgresStatements: JobStatements = {
  async version(queue, id) {
    const { rows } = await sql(
      queue,
      'SELECT data::text AS data, attempts_started, finished_at_ms FROM job WHERE queue = $1 AND id = $2',
      queue.name,
      id,
    );
    const [row] = rows;
    return (
      row && {
        data: row['data'] as string,
        claims: Number(row['attempts_started']),
        finishedOn: Number(row['finished_at_ms']),
      }
    );
  },

  async replaceData(queue, id, { data: from, claims, finishedOn }, data) {
    const { rows } = await sql(
      queue,
      `UPDATE job SET data = $6::jsonb
        WHERE queue = $1 AND id = $2 AND data = $3::jsonb AND attempts_started = $4 AND coalesce(finished_at_ms, 0) = $5
       RETURNING id`,
      queue.name,
      id,
      from,
      claims,
      finishedOn,
      data,
    );
    return rows.length > 0;
  },

  async newestIds(queue, states, name, limit) {
    // BullMQ counts a waiting job with a priority as `prioritized`; its row says `waiting`.
    const { rows } = await sql(
      queue,
      `SELECT id FROM job
        WHERE queue = $1 AND state::text = ANY($2::text[]) AND ($3::text IS NULL OR name = $3)
        ORDER BY added_at_ms DESC, seq DESC LIMIT $4`,
      queue.name,
      states,
      name ?? null,
      Math.min(limit, MAX_SORTED * states.length),
    );
    return rows.map(({ id }) => id as string);
  },

  async present(queue, ids) {
    const { rows } = await sql(queue, 'SELECT id FROM job WHERE queue = $1 AND id = ANY($2::text[])', queue.name, ids);
    return rows.map(({ id }) => id as string);
  },

  async forgetFailedStep(queue, id) {
    await sql(
      queue,
      `UPDATE job SET deferred_failure = NULL WHERE queue = $1 AND id = $2 AND state <> 'active'`,
      queue.name,
      id,
    );
  },

  async endOf(queue, id) {
    const { rows } = await sql(
      queue,
      `SELECT event, created_at_ms AS at, data->>'returnvalue' AS returnvalue, data->>'failedReason' AS "failedReason"
         FROM event
        WHERE queue = $1 AND data->>'jobId' = $2 AND event IN ('completed', 'failed', 'waiting')
        ORDER BY id DESC LIMIT 1`,
      queue.name,
      id,
    );
    const [row] = rows;
    return row && row['event'] !== 'waiting' ? ({ ...row, at: Number(row['at']) } as unknown as JobEnd) : undefined;
  },

  async setMetaOnce(queue, field, value) {
    const { rows } = await sql(
      queue,
      `INSERT INTO meta (queue, field, value) VALUES ($1, $2, $3)
       ON CONFLICT (queue, field) DO UPDATE SET value = meta.value RETURNING value`,
      queue.name,
      field,
      value,
    );
    return rows[0]!['value'] as string;
  },
};
