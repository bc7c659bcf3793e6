import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { EventLoopBlock, TaskFigures } from '../../api/wire.ts';
import { duration } from '../../format/durations.ts';
import { compact, count, percent } from '../../format/numbers.ts';
import { Empty } from '../../parts/empty.tsx';
import { Spread } from '../../parts/spread.tsx';
import { href, query, setQuery } from '../../state/location.ts';

interface Row extends TaskFigures {
  name: string;
}

interface Column {
  key: string;
  label: string;
  class: string;
  of: (row: Row) => number;
  title?: string;
}

const columns: Column[] = [
  { key: 'completed', label: 'Completed', class: 'wide', of: (it) => it.completed },
  { key: 'failed', label: 'Failed', class: '', of: (it) => it.failed },
  { key: 'wait.p50', label: 'Wait p50', class: 'wide', of: (it) => it.wait.p50 },
  { key: 'wait.p95', label: 'Wait p95', class: 'medium', of: (it) => it.wait.p95 },
  { key: 'wait.p99', label: 'Wait p99', class: 'wide', of: (it) => it.wait.p99 },
  { key: 'run.p50', label: 'Run p50', class: 'medium', of: (it) => it.run.p50 },
  { key: 'run.p95', label: 'Run p95', class: '', of: (it) => it.run.p95 },
  { key: 'run.p99', label: 'Run p99', class: 'wide', of: (it) => it.run.p99 },
  {
    key: 'blocked',
    label: 'Blocked',
    class: 'medium',
    of: (it) => it.blocked,
    title: 'How long these tasks have kept the event loop busy. In color: one has blocked it for too long lately',
  },
];

const STEP = 25;
const byDefault = 'completed';

interface NamesTableProps {
  byName: Record<string, TaskFigures>;
  /** The latest calls that took longer than `blockingThreshold`. */
  blocked: EventLoopBlock[];
}

/** How each kind of task goes: counts and percentiles by name. Sorts by any column, and keeps that in the URL. */
export function NamesTable({ byName, blocked }: NamesTableProps) {
  const shown = useSignal(STEP);
  const filter = useSignal('');
  const sort = query.value.get('sort') ?? byDefault;
  const isAscending = query.value.get('order') === 'asc';
  const all = useMemo(() => Object.entries(byName).map(([name, it]): Row => Object.assign({ name }, it)), [byName]);
  const wanted = filter.value.toLowerCase();
  const rows = all.filter((it) => it.name.toLowerCase().includes(wanted)).toSorted(comparing(sort, isAscending));
  const visible = rows.slice(0, shown.value);
  const blockers = new Set(blocked.map((it) => it.name));
  const scale = {
    from: Math.min(1000, ...visible.filter((it) => it.run.count > 0).map((it) => it.run.p50)),
    to: Math.max(1, ...visible.map((it) => it.run.max)),
  };
  const sortBy = (key: string) => {
    const descending = sort === key ? isAscending : key !== 'name';
    setQuery({ sort: key === byDefault ? undefined : key, order: descending ? undefined : 'asc' }, { replace: true });
  };
  const head = (key: string, label: string, name: string, title?: string) => (
    <th
      key={key}
      scope="col"
      class={name}
      aria-sort={sort !== key ? undefined : isAscending ? 'ascending' : 'descending'}
      title={title}
    >
      <button type="button" class="sort" onClick={() => sortBy(key)}>
        {label}
        <span class="sort-mark" aria-hidden="true">
          {sort === key ? (isAscending ? '↑' : '↓') : ''}
        </span>
      </button>
    </th>
  );
  return (
    <section class="panel names" aria-label="By task name">
      <header class="panel-head">
        <h2>By task name</h2>
        {all.length > 8 && (
          <input
            type="search"
            class="input small"
            placeholder={`Filter ${count(all.length)} names`}
            aria-label="Filter the names"
            value={filter.value}
            onInput={(event) => (filter.value = event.currentTarget.value)}
          />
        )}
      </header>
      {all.length === 0 ? (
        <Empty title="No figures yet">
          <p>Waits and run times by name appear when the first task has settled.</p>
        </Empty>
      ) : (
        <table class="table names-table">
          <thead>
            <tr>
              {head('name', 'Name', '')}
              {columns.map((it) => head(it.key, it.label, `number ${it.class}`, it.title))}
              <th scope="col" class="wide spread-head" title="From p50 to the longest run, on a logarithmic scale">
                Run p50 – max
              </th>
            </tr>
          </thead>
          <tbody>
            {visible.map((row) => (
              <NameRow key={row.name} row={row} scale={scale} isBlocker={blockers.has(row.name)} />
            ))}
          </tbody>
        </table>
      )}
      {all.length > 0 && rows.length === 0 && <p class="panel-foot">No name contains “{filter.value}”.</p>}
      {rows.length > visible.length && (
        <p class="panel-foot">
          <button type="button" class="button small" onClick={() => (shown.value += STEP * 2)}>
            Show more of {count(rows.length)}
          </button>
        </p>
      )}
    </section>
  );
}

interface NameRowProps {
  row: Row;
  scale: { from: number; to: number };
  isBlocker: boolean;
}

function NameRow({ row, scale, isBlocker }: NameRowProps) {
  const ended = row.completed + row.failed;
  return (
    <tr>
      <th scope="row">
        <a class="cut" href={href(`/tasks?name=${encodeURIComponent(row.name)}`)} title={row.name}>
          {row.name}
        </a>
      </th>
      <td class="number wide">{compact(row.completed)}</td>
      <td class={row.failed > 0 ? 'number' : 'number faint'}>
        {row.failed > 0 ? (
          <>
            <small class="faint">{percent(row.failed / ended)}</small>{' '}
            <span class="tone-bad">{compact(row.failed)}</span>
          </>
        ) : (
          '0'
        )}
      </td>
      {columns.slice(2, -1).map((column) => (
        <td key={column.key} class={`number ${column.class}`}>
          {duration(column.of(row))}
        </td>
      ))}
      <td class={`number medium ${isBlocker ? 'tone-blocked' : 'faint'}`}>
        {row.blocked > 0 ? duration(row.blocked) : '–'}
      </td>
      <td class="wide spread-cell">{row.run.count > 0 && <Spread values={row.run} {...scale} />}</td>
    </tr>
  );
}

function comparing(key: string, isAscending: boolean): (a: Row, b: Row) => number {
  const sign = isAscending ? 1 : -1;
  const column = columns.find((it) => it.key === key);
  return column === undefined
    ? (a, b) => (key === 'name' ? sign : 1) * a.name.localeCompare(b.name)
    : (a, b) => sign * (column.of(a) - column.of(b)) || a.name.localeCompare(b.name);
}
