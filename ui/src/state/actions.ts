/** Cancels and retries tasks. Actions name how many tasks they are about before they act. */
import { api } from '../api/client.ts';
import type { TaskRow } from '../api/wire.ts';
import { count, counted } from '../format/numbers.ts';
import { confirm } from '../parts/confirm.tsx';
import { notify, notifyError, reasonOf } from './notices.ts';

export type TaskAction = 'cancel' | 'retry';

const AT_ONCE = 6;
const EXAMPLES = 5;
const words = {
  cancel: { title: 'Cancel', done: 'cancelled', not: 'have settled' },
  retry: { title: 'Retry', done: 'will run again', not: 'have not failed' },
};

export const canDo = (action: TaskAction, task: TaskRow): boolean =>
  action === 'cancel' ? task.canCancel : task.canRetry;

/** Asks, and then acts on those tasks that allow it. */
export function act(action: TaskAction, tasks: TaskRow[], onDone: () => void = () => undefined): void {
  const able = tasks.filter((it) => canDo(action, it));
  const { title, not } = words[action];
  if (able.length === 0) {
    notify(
      tasks.length === 1
        ? `This task can't be ${action === 'cancel' ? 'cancelled' : 'retried'}: it ${not.replace('have', 'has')}.`
        : `None of these tasks can be ${action === 'cancel' ? 'cancelled' : 'retried'}.`,
    );
    return;
  }
  const left = tasks.length - able.length;
  const what = able.length === 1 ? able[0]!.name : counted(able.length, 'task');
  confirm({
    title: `${title} ${what}?`,
    text: textOf(action, able.length, left, not),
    examples: able.length === 1 ? [] : examplesOf(able),
    action: `${title} ${counted(able.length, 'task')}`,
    isDangerous: action === 'cancel',
    run: async () => {
      await actOnAll(action, able);
      onDone();
    },
  });
}

function textOf(action: TaskAction, able: number, left: number, not: string): string {
  const effect =
    action === 'cancel'
      ? able === 1
        ? 'If it runs, its signal aborts. It does not run again by itself.'
        : 'Signals of those that run abort. They do not run again by themselves.'
      : able === 1
        ? 'It runs again with the same arguments.'
        : 'They run again with the same arguments.';
  return left === 0
    ? effect
    : `${effect} ${counted(left, 'other selected task')} ${left === 1 ? not.replace('have', 'has') : not}, and ${left === 1 ? 'stays' : 'stay'} as ${left === 1 ? 'it is' : 'they are'}.`;
}

function examplesOf(tasks: TaskRow[]): string[] {
  const byName = new Map<string, number>();
  for (const { name } of tasks) {
    byName.set(name, (byName.get(name) ?? 0) + 1);
  }
  const sorted = [...byName].toSorted((a, b) => b[1] - a[1]);
  const lines = sorted.slice(0, EXAMPLES).map(([name, number]) => `${count(number)} × ${name}`);
  return sorted.length > EXAMPLES ? [...lines, `and ${counted(sorted.length - EXAMPLES, 'more name')}`] : lines;
}

async function actOnAll(action: TaskAction, tasks: TaskRow[]): Promise<void> {
  const left = [...tasks];
  const failures: unknown[] = [];
  let done = 0;
  const work = async () => {
    for (let task = left.pop(); task !== undefined; task = left.pop()) {
      try {
        const answer = await api[action](task.id);
        done += answer.done ? 1 : 0;
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  report(action, tasks, done, failures);
}

function report(action: TaskAction, tasks: TaskRow[], done: number, failures: unknown[]): void {
  const { done: word } = words[action];
  const be = action === 'cancel' ? (done === 1 ? 'is ' : 'are ') : '';
  const results = done === 0 ? [] : [`${tasks.length === 1 ? tasks[0]!.name : counted(done, 'task')} ${be}${word}.`];
  const late = tasks.length - done - failures.length;
  if (late > 0) {
    results.push(`${counted(late, 'task')} had already changed.`);
  }
  if (results.length > 0) {
    notify(results.join(' '));
  }
  if (failures.length > 0) {
    const verb = action === 'cancel' ? 'cancelled' : 'retried';
    notify(`${counted(failures.length, 'task')} could not be ${verb}: ${reasonOf(failures[0])}`, true);
  }
}

/** Counts the failed tasks of a queue that match, asks, and then retries them all. */
export async function retryAllFailed(matching: { queue: string; name?: string; search?: string }): Promise<void> {
  try {
    const number = await api.countFailed(matching);
    const what = describe(matching);
    if (number === 0) {
      notify(`No failed task ${what}.`);
      return;
    }
    confirm({
      title: `Retry ${counted(number, 'failed task')}?`,
      text: `All failed tasks ${what} run again with the same arguments.`,
      action: `Retry ${counted(number, 'task')}`,
      run: async () => {
        try {
          notify(`${counted(await api.retryFailed(matching), 'task')} will run again.`);
        } catch (error) {
          notifyError('The tasks could not be retried', error);
        }
      },
    });
  } catch (error) {
    notifyError('The failed tasks could not be counted', error);
  }
}

function describe({ queue, name, search }: { queue: string; name?: string; search?: string }): string {
  const parts = [`in the queue “${queue}”`];
  if (name) {
    parts.push(`with the name “${name}”`);
  }
  if (search) {
    parts.push(`that match “${search}”`);
  }
  return parts.join(' ');
}
