import type { TaskRow } from '../../api/wire.ts';
import { duration, timeBetween } from '../../format/durations.ts';
import { count } from '../../format/numbers.ts';
import { Progress } from '../../parts/progress.tsx';
import { Status } from '../../parts/status.tsx';
import { Ago, Since } from '../../parts/times.tsx';
import { href, taskPath } from '../../state/location.ts';
import { whereOf } from '../overview/running-now.tsx';
import { selection } from './selection.ts';

export const rowId = (index: number): string => `task-row-${index}`;

interface RowProps {
  task: TaskRow | undefined;
  index: number;
  top: number;
  isCurrent: boolean;
  canSelect: boolean;
  onSelect: (index: number, isRange: boolean) => void;
}

/** One task in the list. All rows have the same height, so that the list knows where each is. */
export function Row({ task, index, top, isCurrent, canSelect, onSelect }: RowProps) {
  const place = { transform: `translateY(${top}px)` };
  const rowIndex = index + 2;
  if (task === undefined) {
    return (
      <div role="row" aria-rowindex={rowIndex} class="row is-loading" style={place}>
        <span role="gridcell" class="cell-name">
          <span class="unseen">Loading</span>
        </span>
      </div>
    );
  }
  const isSelected = selection.value.has(task.id);
  return (
    <div
      id={rowId(index)}
      role="row"
      aria-rowindex={rowIndex}
      aria-selected={canSelect ? isSelected : undefined}
      class={`row${isCurrent ? ' is-current' : ''}${isSelected ? ' is-selected' : ''}`}
      style={place}
      data-id={task.id}
    >
      {canSelect && (
        <span role="gridcell" class="cell-check">
          <input
            type="checkbox"
            tabIndex={-1}
            aria-label={`Select ${task.name} ${task.id}`}
            checked={isSelected}
            onClick={(event) => onSelect(index, event.shiftKey)}
          />
        </span>
      )}
      <span role="gridcell" class="cell-status">
        <Status status={task.status} />
      </span>
      <span role="gridcell" class="cell-name">
        <a href={href(taskPath(task.id))} tabIndex={-1} title={task.name}>
          {task.name}
        </a>
      </span>
      <span role="gridcell" class="cell-id" title={task.id}>
        {task.id.slice(0, 8)}
      </span>
      <span role="gridcell" class="cell-detail">
        <Detail task={task} />
      </span>
      <span role="gridcell" class="cell-where" title={whereOf(task)}>
        {whereOf(task)}
      </span>
      <span role="gridcell" class="cell-attempts number">
        {task.attempts > 1 ? `${count(task.attempts)}×` : <span class="unseen">{task.attempts}</span>}
      </span>
      <span role="gridcell" class="cell-wait number">
        {task.startedAt === undefined ? '' : duration(timeBetween(task.createdAt, task.startedAt))}
      </span>
      <span role="gridcell" class="cell-run number">
        <RunTime task={task} />
      </span>
      <span role="gridcell" class="cell-added number">
        <Ago at={task.createdAt} />
      </span>
    </div>
  );
}

/** What matters most: why it failed, how far it is, or which request added it. */
function Detail({ task }: { task: TaskRow }) {
  if (task.error !== undefined && task.status !== 'completed') {
    const text = `${task.error.name}: ${task.error.message}`;
    return (
      <span class={task.status === 'failed' ? 'detail-error' : 'detail-error is-soft'} title={text.slice(0, 600)}>
        {text.slice(0, 200)}
      </span>
    );
  }
  if (task.progress !== undefined && task.status === 'running') {
    return <Progress value={task.progress} name={task.name} />;
  }
  return <span title={task.route}>{task.route}</span>;
}

function RunTime({ task }: { task: TaskRow }) {
  if (task.startedAt === undefined) {
    return null;
  }
  if (task.finishedAt !== undefined) {
    return <>{duration(timeBetween(task.startedAt, task.finishedAt))}</>;
  }
  return task.status === 'running' ? <Since at={task.startedAt} /> : null;
}
