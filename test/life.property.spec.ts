import { Controller, Post } from '@nestjs/common';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  BackgroundTasks,
  currentTask,
  Tasks,
  TaskRegistry,
  type BackgroundTask,
  type TaskEvent,
  type TaskStatus,
} from 'nestjs-background-tasks';
import { startApp } from './fixtures/start-app.ts';

/** What a task does in each of its attempts. */
interface Plan {
  /** The number of attempts that fail. */
  failures: number;
  attempts: number;
  kind: 'sync' | 'async' | 'hangs';
  onFailure: 'stop' | 'continue';
  /** Its own, if it differs from the application's. */
  execution: 'sequential' | 'parallel' | undefined;
  runOn: 'success' | 'failure' | 'always';
  cancel: 'never' | 'when added' | 'by itself' | 'in a moment';
  adds: Plan[];
}

const plan: fc.Memo<Plan> = fc.memo((depth) =>
  fc.record({
    failures: fc.nat(3),
    attempts: fc.integer({ min: 1, max: 3 }),
    kind: fc.constantFrom<Plan['kind']>('sync', 'sync', 'async', 'async', 'hangs'),
    onFailure: fc.constantFrom<Plan['onFailure']>('stop', 'continue', 'continue'),
    execution: fc.constantFrom<Plan['execution']>(undefined, undefined, 'sequential', 'parallel'),
    runOn: fc.constantFrom<Plan['runOn']>('always', 'success', 'failure', 'always'),
    cancel: fc.constantFrom<Plan['cancel']>('never', 'never', 'never', 'when added', 'by itself', 'in a moment'),
    adds: depth > 1 ? fc.array(plan(depth - 1), { maxLength: 2 }) : fc.constant([]),
  }),
);

const requests = fc.array(fc.array(plan(2), { maxLength: 4 }), { minLength: 1, maxLength: 4 });

const ENDS: readonly TaskStatus[] = ['completed', 'failed', 'cancelled', 'skipped'];

interface Known {
  plan: Plan;
  task: BackgroundTask;
  tries: number;
  list: number;
  place: number;
}

test.each([
  ['sequential', Infinity],
  ['sequential', 2],
  ['parallel', Infinity],
  ['parallel', 2],
] as const)(
  'whatever tasks do, the rules hold: %s, concurrency %s',
  async (execution, concurrency) => {
    let plans: Plan[][] = [];
    let known: Known[] = [];
    let next = 0;

    function add(tasks: BackgroundTasks, what: Plan, list: number): void {
      const { attempts, onFailure, runOn, kind } = what;
      const it = { plan: what, tries: 0, list, place: known.filter((other) => other.list === list).length } as Known;
      known.push(it);
      it.task = tasks
        .with({ attempts, onFailure, runOn, execution: what.execution, ...(kind === 'hangs' && { timeout: 1 }) })
        .addTask(() => perform(tasks, it));
      if (what.cancel === 'when added') {
        it.task.cancel();
      }
      if (what.cancel === 'in a moment') {
        setImmediate(() => setImmediate(() => it.task.cancel()));
      }
    }

    function perform(tasks: BackgroundTasks, it: Known): unknown {
      const { kind, failures, cancel, adds } = it.plan;
      it.tries++;
      expect(currentTask()).toMatchObject({ id: it.task.id, attempt: it.tries });
      if (it.tries === 1) {
        adds.forEach((what) => add(tasks, what, it.list));
      }
      if (cancel === 'by itself') {
        it.task.cancel();
      }
      currentTask()?.updateProgress(it.tries);
      const fails = it.tries <= failures;
      if (kind === 'sync') {
        if (fails) {
          throw new Error('sync');
        }
        return it.tries;
      }
      if (kind === 'hangs') {
        return new Promise(() => undefined);
      }
      return new Promise((resolve, reject) => {
        setImmediate(() => (fails ? reject(new Error('async')) : resolve(it.tries)));
      });
    }

    @Controller()
    class PlannedController {
      @Post()
      post(@Tasks() tasks: BackgroundTasks) {
        const list = next++;
        plans[list]!.forEach((what) => add(tasks, what, list));
      }
    }

    const { app, url, runner } = await startApp(
      { controllers: [PlannedController] },
      { execution, concurrency, history: { max: 10_000 }, blockingThreshold: 0 },
    );
    app.useLogger(false);
    const registry = app.get(TaskRegistry);
    let events: TaskEvent[] = [];
    runner.events.subscribe((event) => events.push(event));

    await fc.assert(
      fc.asyncProperty(requests, async (given) => {
        [plans, known, events, next] = [given, [], [], 0];
        const before = runner.stats();
        await Promise.all(given.map(() => fetch(url, { method: 'POST' }).then((response) => response.text())));
        await runner.drain(10_000);

        for (const { task, tries, plan: what } of known) {
          expect(ENDS).toContain(task.status);
          const record = await registry.get(task.id);
          expect(record).toEqual(task.toJSON());

          // Attempts.
          expect(task.attempts).toBe(tries);
          expect(tries).toBeLessThanOrEqual(what.attempts);
          if (task.status === 'completed') {
            expect(tries).toBe(what.failures + 1);
            expect(task.result).toBe(tries);
          }
          if (task.status === 'failed') {
            expect(tries).toBe(what.attempts);
          }
          if (task.status === 'skipped') {
            expect(tries).toBe(0);
          }
          if (what.runOn === 'failure') {
            // All these responses are successes.
            expect(['skipped', 'cancelled']).toContain(task.status);
            expect(tries).toBe(0);
          }

          // Events tell the same story as the record.
          const story = events.filter((event) => event.task.id === task.id).map(({ type }) => type);
          expect(story.filter((type) => (ENDS as readonly string[]).includes(type))).toEqual([task.status]);
          expect(story.at(0)).toBe('added');
          expect(story.at(-1)).toBe(task.status);
          expect(story.filter((type) => type === 'started')).toHaveLength(tries);
          const retries = story.filter((type) => type === 'retrying').length;
          expect(retries).toBeLessThanOrEqual(Math.max(0, what.attempts - 1));
          expect(retries).toBeGreaterThanOrEqual(tries - 1);
        }

        // Order: of the tasks that are not parallel.
        for (const list of given.keys()) {
          const tasks = known.filter((it) => it.list === list && (it.plan.execution ?? execution) === 'sequential');
          let running: string | undefined;
          const started: number[] = [];
          for (const { type, task } of events) {
            const it = tasks.find((other) => other.task.id === task.id);
            if (!it || task.attempts === 0) {
              continue;
            }
            if (type === 'started' && task.attempts === 1) {
              expect(running).toBeUndefined();
              running = task.id;
              started.push(it.place);
            } else if (task.id === running && (ENDS as readonly string[]).includes(type)) {
              running = undefined;
            }
          }
          expect(started).toEqual(started.toSorted((a, b) => a - b));
        }

        // All these responses are successes, so only a failure skips others, and never a parallel one.
        for (const { task, plan: what } of known) {
          if (task.status === 'skipped' && what.runOn !== 'failure') {
            expect(what.execution ?? execution).toBe('sequential');
          }
        }

        // Figures add up.
        const after = runner.stats();
        expect(after).toMatchObject({ pending: 0, running: 0, delayed: 0 });
        for (const status of ENDS as readonly ('completed' | 'failed' | 'cancelled' | 'skipped')[]) {
          expect(after[status] - before[status]).toBe(known.filter(({ task }) => task.status === status).length);
        }
      }),
      { numRuns: 200 },
    );
  },
  120_000,
);
