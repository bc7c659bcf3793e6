import type { Redis } from 'ioredis';

/**
 * BullMQ does not expect that the server forbids a command: without INFO, its worker asks again without a pause and freezes
 * the process. So this file tries the commands at the start. Redis checks permissions before types: the probe's key is a
 * string, so all commands for other types fail there and change nothing.
 */

/** How long the probe's key stays when this process dies in between: ms. */
const PROBE_LIFETIME = 10_000;

/** The commands in the scripts of BullMQ and of this package, with arguments after the key. */
const IN_SCRIPTS: { readonly [command: string]: readonly string[] } = {
  exists: [],
  get: [],
  hdel: ['x'],
  hexists: ['x'],
  hget: ['x'],
  hgetall: [],
  hincrby: ['x', '1'],
  hmget: ['x'],
  hmset: ['x', '1'],
  hset: ['x', '1'],
  hsetnx: ['x', '1'],
  incr: [],
  lindex: ['0'],
  llen: [],
  lpop: [],
  lpos: ['x'],
  lpush: ['x'],
  lrange: ['0', '0'],
  lrem: ['1', 'x'],
  ltrim: ['0', '0'],
  persist: [],
  pexpire: [String(PROBE_LIFETIME)],
  pttl: [],
  rpop: [],
  sadd: ['x'],
  scard: [],
  sismember: ['x'],
  smembers: [],
  srem: ['x'],
  type: [],
  xadd: ['*', 'x', '1'],
  xrevrange: ['+', '-'],
  xtrim: ['MAXLEN', '1'],
  zadd: ['1', 'x'],
  zcard: [],
  zcount: ['0', '0'],
  zpopmin: [],
  zrange: ['0', '0'],
  zrangebyscore: ['0', '0'],
  zrem: ['x'],
  zremrangebyrank: ['0', '0'],
  zremrangebyscore: ['0', '0'],
  zrevrange: ['0', '0'],
  zrevrangebyscore: ['0', '0'],
  zscore: ['x'],
};

type Call = readonly [command: string, args: string[]];

/** @returns the commands that the user of this connection must not run, in capitals */
export async function forbiddenCommands(redis: Redis, prefix: string, isWorker: boolean): Promise<readonly string[]> {
  const key = `${prefix}:nestjs-background-tasks.probe:${process.pid}`;
  const calls: Call[] = [
    ['set', [key, 'x', 'PX', String(PROBE_LIFETIME)]],
    ...Object.entries(IN_SCRIPTS).map(([command, args]): Call => [command, [key].concat(args)]),
    ['rpoplpush', [key, key]],
    ['eval', ['return 1', '1', key]],
    // An unknown script: Redis checks the permission first.
    ['evalsha', ['0'.repeat(40), '1', key]],
    ...(isWorker ? forWorkers(key) : []),
    ['del', [key]],
  ];
  const replies = calls.map(async ([command, args]) => {
    try {
      await redis.call(command, args);
      return [];
    } catch (error) {
      if (isForbidden(error)) {
        return [command.toUpperCase()];
      }
      if (isAllowed(error)) {
        return [];
      }
      throw error;
    }
  });
  return [...(await Promise.all(replies)).flat(), ...((await isTransactionForbidden(redis, key)) ? ['MULTI'] : [])];
}

function forWorkers(key: string): Call[] {
  return [
    ['info', []],
    ['client', ['SETNAME', 'probe']],
    ['bzpopmin', [key, '1']],
    ['xread', ['COUNT', '1', 'STREAMS', key, '0']],
  ];
}

async function isTransactionForbidden(redis: Redis, key: string): Promise<boolean> {
  try {
    await redis.multi().exists(key).exec();
    return false;
  } catch (error) {
    // Before the error of EXEC, there are those of MULTI and of the commands between them.
    const { previousErrors = [] } = error as { previousErrors?: readonly unknown[] };
    if (!/^(ERR|EXECABORT|NOPERM)/.test((error as Error).message)) {
      throw error;
    }
    return [error, ...previousErrors].some((it) => /NOPERM.*'(multi|exec)'/i.test((it as Error).message));
  }
}

function isForbidden(error: unknown): boolean {
  return (error as Error).message.startsWith('NOPERM');
}

/** Whether the command was allowed, and failed for another reason: the probe's key, or a command that this Redis lacks. */
function isAllowed(error: unknown): boolean {
  return /^(WRONGTYPE|ERR|NOSCRIPT)/.test((error as Error).message);
}
