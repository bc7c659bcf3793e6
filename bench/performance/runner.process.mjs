// Runs small functions: as tasks of TaskRunner ('ours'), through p-queue, or through p-queue 'with-handles'.
import 'reflect-metadata';
import { AsyncResource } from 'node:async_hooks';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { BackgroundTasksModule, TaskRunner } from 'nestjs-background-tasks';
import PQueue from 'p-queue';
import { answer, cpuTime, spec } from './answer.mjs';
import { Handle } from './by-hand.mjs';

let done = 0;
const small = async (n) => {
  done++;
  return n;
};

async function ours() {
  class AppModule {}
  Module({ imports: [BackgroundTasksModule.forRoot({ maxPending: Infinity })] })(AppModule);
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error'] });
  const runner = app.get(TaskRunner);
  const start = (n) => void runner.start(small, n);
  return { start, hold: start, release: () => undefined, drain: () => runner.drain() };
}

/** Calls the function in the async context that added it, and keeps a handle that tells its state and times. */
function withHandle(n) {
  const scope = new AsyncResource('task');
  const handle = new Handle('small');
  return async () => {
    handle.start();
    try {
      handle.end('completed', await scope.runInAsyncScope(small, undefined, n));
    } catch (error) {
      handle.end('failed', undefined, error);
    }
  };
}

/** @param functionOf makes the function of one task */
function direct(functionOf) {
  const queue = new PQueue();
  const start = (n) => void queue.add(functionOf(n));
  return {
    start,
    hold(n) {
      queue.pause();
      start(n);
    },
    release: () => queue.start(),
    drain: () => queue.onIdle(),
  };
}

const { kind } = spec();
const side = kind === 'ours' ? await ours() : direct(kind === 'with-handles' ? withHandle : (n) => () => small(n));

function heapUsed() {
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}

/** @returns µs of CPU for each of these tasks, so many at once */
async function run({ count, atOnce }) {
  globalThis.gc();
  done = 0;
  const before = cpuTime();
  for (let i = 0; i < count; i += atOnce) {
    for (let j = 0; j < atOnce; j++) {
      side.start(i + j);
    }
    await side.drain();
  }
  const cost = (cpuTime() - before) / count;
  if (done !== count) {
    throw new Error(`${done} tasks of ${count} have run`);
  }
  return cost;
}

answer({
  run,

  /** @returns kB of the heap that are still used after this many tasks, and were not before */
  async left({ count, atOnce }) {
    const before = heapUsed();
    await run({ count, atOnce });
    return (heapUsed() - before) / 1_000;
  },

  /** @returns bytes of the heap that each of these tasks holds while it is pending */
  async bytes({ count }) {
    const before = heapUsed();
    for (let i = 0; i < count; i++) {
      side.hold(i);
    }
    const held = (heapUsed() - before) / count;
    side.release();
    await side.drain();
    return held;
  },
});
