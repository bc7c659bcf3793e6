import type { TaskQuery } from '../../api/client.ts';
import { canAct } from '../../api/live.ts';
import { count, counted } from '../../format/numbers.ts';
import { act, canDo, retryAllFailed } from '../../state/actions.ts';
import { clearSelection, selection, setSelected } from './selection.ts';
import type { TaskList } from './task-list.ts';

/** What can be done with the selected tasks, or with all failed ones of a queue. Each button names its number. */
export function BulkBar({ list, filters }: { list: TaskList; filters: TaskQuery }) {
  if (!canAct.value) {
    return null;
  }
  const tasks = [...selection.value.values()];
  if (tasks.length === 0) {
    const { queue, status, name, search } = filters;
    const canRetryAll =
      queue !== undefined && status === 'failed' && filters.route === undefined && list.total.value !== 0;
    return canRetryAll ? (
      <button
        type="button"
        class="button small"
        onClick={() => void retryAllFailed({ queue, ...(name && { name }), ...(search && { search }) })}
      >
        Retry all {count(list.total.value ?? 0)}…
      </button>
    ) : null;
  }
  const cancellable = tasks.filter((it) => canDo('cancel', it)).length;
  const retriable = tasks.filter((it) => canDo('retry', it)).length;
  const { loaded } = list;
  return (
    <div class="bulk" role="group" aria-label="Selected tasks">
      <span class="bulk-count">{counted(tasks.length, 'task')} selected</span>
      <button
        type="button"
        class="button small"
        hidden={cancellable === 0}
        onClick={() => act('cancel', tasks, clearSelection)}
      >
        Cancel {count(cancellable)}…
      </button>
      <button
        type="button"
        class="button small"
        hidden={retriable === 0}
        onClick={() => act('retry', tasks, clearSelection)}
      >
        Retry {count(retriable)}…
      </button>
      {tasks.length < loaded.length && (
        <button type="button" class="button small quiet bulk-all" onClick={() => setSelected(loaded, true)}>
          Select {count(loaded.length)} loaded
        </button>
      )}
      <button type="button" class="button small quiet" onClick={clearSelection}>
        Clear
      </button>
    </div>
  );
}
