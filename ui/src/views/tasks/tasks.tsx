import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { TaskQuery } from '../../api/client.ts';
import { canAct, onUpdate, reloads } from '../../api/live.ts';
import { count, counted } from '../../format/numbers.ts';
import { useKeys } from '../../keys/keys.ts';
import { Empty } from '../../parts/empty.tsx';
import { ArrowUpIcon } from '../../parts/icons.tsx';
import { act } from '../../state/actions.ts';
import { navigate, query, taskPath, view } from '../../state/location.ts';
import { isNarrow } from '../../state/media.ts';
import { BulkBar } from './bulk-bar.tsx';
import { clearFilters, Filters, filtersOf, isFiltered, SEARCH_ID } from './filters.tsx';
import { Row, rowId } from './row.tsx';
import { clearSelection, selection, setSelected, updateSelection } from './selection.ts';
import { TaskList } from './task-list.ts';

const HEIGHT = { wide: 36, narrow: 60 };
const AROUND = 8;
/** Rows don't move under a pointer that moved within this time, in ms. */
const POINTED = 3000;

/** The list that was last shown, so that the browser's back button finds it as it was. */
let lastList: TaskList | undefined;

/** Puts the focus into the search, in the list of tasks. */
export function focusSearch(): void {
  if (view.value.name !== 'tasks') {
    navigate('/tasks');
  }
  // The list is there after the next frame.
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      const input = document.getElementById(SEARCH_ID);
      if (input instanceof HTMLInputElement) {
        input.focus();
        input.select();
      }
    }),
  );
}

/** All tasks that match the filters of the URL. */
export function Tasks() {
  const text = query.value.toString();
  const filters = useMemo(() => filtersOf(new URLSearchParams(text)), [text]);
  const key = JSON.stringify(filters);
  const list = useMemo(() => listOf(filters), [key]);
  // Read here, so that routes are offered when rows come.
  const routes = useMemo(
    () => [...new Set(list.loaded.flatMap((it) => it.route ?? []))].toSorted(),
    [list, Math.min(list.total.value ?? -1, 1)],
  );
  useEffect(() => clearSelection, [key]);
  return (
    <>
      <h1 class="unseen">Tasks</h1>
      <Filters filters={filters} routes={routes} />
      <List key={key} list={list} filters={filters} />
    </>
  );
}

function listOf(filters: TaskQuery): TaskList {
  if (lastList === undefined || JSON.stringify(lastList.query) !== JSON.stringify(filters)) {
    lastList = new TaskList(filters);
  }
  return lastList;
}

function List({ list, filters }: { list: TaskList; filters: TaskQuery }) {
  const scroller = useRef<HTMLDivElement>(null);
  const scrollTop = useSignal(list.scrollTop);
  const viewport = useSignal(800);
  const current = useSignal(-1);
  const anchor = useRef<string | undefined>(undefined);
  const pointedAt = useRef(-POINTED);
  const height = isNarrow.value ? HEIGHT.narrow : HEIGHT.wide;
  const isBusy = () =>
    current.value >= 0 || selection.value.size > 0 || performance.now() - pointedAt.current < POINTED;
  const follows = () => scrollTop.value < height && !isBusy();

  useEffect(() => {
    // A list that the reader comes back to stays as it was; what is new is counted when it changes.
    if (list.total.value === undefined || list.scrollTop === 0) {
      void list.refresh();
    }
    list.mayMove = follows;
    const end = onUpdate((update) => {
      list.apply(update);
      updateSelection(update.tasks);
    });
    return () => {
      end();
      list.stop();
    };
  }, [list]);
  const reloaded = useRef(reloads.value);
  useEffect(() => {
    if (reloaded.current !== reloads.value) {
      reloaded.current = reloads.value;
      void list.refresh();
    }
  }, [reloads.value]);

  useLayoutEffect(() => {
    const element = scroller.current!;
    element.scrollTop = list.scrollTop;
    const measure = () => (viewport.value = element.clientHeight);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [list]);

  // Rows change when the version does.
  void list.version.value;
  const { length } = list;
  const first = Math.max(0, Math.floor(scrollTop.value / height) - AROUND);
  const last = Math.min(length - 1, Math.ceil((scrollTop.value + viewport.value) / height) + AROUND);
  useEffect(() => list.show(first, last), [list, first, last, length]);

  const move = (by: number) => {
    if (length === 0) {
      return;
    }
    const start = current.value < 0 ? Math.ceil(scrollTop.value / height) - (by > 0 ? 1 : 0) : current.value;
    const next = Math.min(length - 1, Math.max(0, start + by));
    current.value = next;
    const element = scroller.current!;
    const head = element.querySelector<HTMLElement>('.list-head')?.offsetHeight ?? 0;
    const top = next * height;
    if (top < element.scrollTop) {
      element.scrollTop = top;
    } else if (top + height > element.scrollTop + element.clientHeight - head) {
      element.scrollTop = top + height - element.clientHeight + head;
    }
  };
  const select = (index: number, isRange: boolean) => {
    const task = list.at(index);
    if (task === undefined) {
      return;
    }
    const isSelected = !selection.value.has(task.id);
    // New rows may have moved the one that the range begins at.
    const start = isRange && anchor.current !== undefined ? list.indexOf(anchor.current) : -1;
    const [from, to] = start < 0 ? [index, index] : [Math.min(start, index), Math.max(start, index)];
    const tasks = Array.from({ length: to - from + 1 }, (_, it) => list.at(from + it)).filter((it) => it !== undefined);
    setSelected(tasks, isSelected);
    anchor.current = task.id;
  };
  const showNew = () => {
    current.value = -1;
    scroller.current!.scrollTop = 0;
    void list.refresh();
  };
  const actOn = (action: 'cancel' | 'retry') => {
    const row = list.at(current.value);
    const tasks = selection.value.size > 0 ? [...selection.value.values()] : row === undefined ? [] : [row];
    if (canAct.value && tasks.length > 0) {
      act(action, tasks, clearSelection);
    }
  };
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    n: showNew,
    x: () => canAct.value && current.value >= 0 && select(current.value, false),
    c: () => actOn('cancel'),
    r: () => actOn('retry'),
    Enter: () => {
      const task = list.at(current.value);
      if (task !== undefined) {
        navigate(taskPath(task.id));
      }
    },
    Escape: () => {
      current.value = -1;
      clearSelection();
    },
  });

  const { error, total } = list;
  const indexes = length === 0 ? [] : Array.from({ length: last - first + 1 }, (_, it) => first + it);
  return (
    <div class={canAct.value ? 'list' : 'list is-read-only'}>
      <div class="list-status">
        <span class="list-total">{total.value === undefined ? 'Loading…' : counted(total.value, 'task')}</span>
        {length < (total.value ?? 0) && (
          <span class="faint">The first {count(length)} are shown. Search to see others.</span>
        )}
        {filters.queue === undefined && <span class="faint list-scope">of this process</span>}
        <BulkBar list={list} filters={filters} />
      </div>
      {list.fresh.value > 0 && (
        <button type="button" class="pill" onClick={showNew}>
          <ArrowUpIcon />
          {count(list.fresh.value)}
          {list.hasMoreFresh.value ? '+' : ''} new
        </button>
      )}
      {list.queueError.value !== undefined && (
        <p class="banner is-bad">Durable tasks may be out of date: {list.queueError.value}</p>
      )}
      {error.value !== undefined && (
        <p class="banner is-bad">
          The tasks can't be loaded: {error.value}{' '}
          <button type="button" class="button small" onClick={() => void list.refresh()}>
            Try again
          </button>
        </p>
      )}
      <div
        ref={scroller}
        class="list-scroller"
        role="grid"
        aria-label="Tasks"
        aria-rowcount={length + 1}
        aria-multiselectable={canAct.value ? true : undefined}
        aria-activedescendant={current.value >= first && current.value <= last ? rowId(current.value) : undefined}
        aria-busy={total.value === undefined}
        tabIndex={0}
        onScroll={(event) => {
          scrollTop.value = event.currentTarget.scrollTop;
          list.scrollTop = scrollTop.value;
        }}
        onPointerMove={(event) => {
          if (event.pointerType === 'mouse') {
            pointedAt.current = performance.now();
          }
        }}
      >
        <div role="rowgroup" class="list-head">
          <div role="row" class="row head" aria-rowindex={1}>
            {canAct.value && (
              <span role="columnheader" class="cell-check">
                <span class="unseen">Selected</span>
              </span>
            )}
            <span role="columnheader" class="cell-status">
              Status
            </span>
            <span role="columnheader" class="cell-name">
              Task
            </span>
            <span role="columnheader" class="cell-id">
              Id
            </span>
            <span role="columnheader" class="cell-detail">
              Error, progress or route
            </span>
            <span role="columnheader" class="cell-where">
              Where
            </span>
            <span role="columnheader" class="cell-attempts number">
              Attempts
            </span>
            <span role="columnheader" class="cell-wait number">
              Waited
            </span>
            <span role="columnheader" class="cell-run number">
              Ran
            </span>
            <span role="columnheader" class="cell-added number">
              Added
            </span>
          </div>
        </div>
        {total.value !== 0 && (
          <div role="rowgroup" class="list-body" style={{ height: `${length * height}px` }}>
            {indexes.map((index) => (
              <Row
                key={list.keyOf(index)}
                task={list.at(index)}
                index={index}
                top={index * height}
                isCurrent={index === current.value}
                canSelect={canAct.value}
                onSelect={select}
              />
            ))}
          </div>
        )}
      </div>
      {total.value === 0 && <NoTasks filters={filters} />}
    </div>
  );
}

const NoTasks = ({ filters }: { filters: TaskQuery }) =>
  isFiltered(filters) ? (
    <Empty title="No task matches">
      <button type="button" class="button" onClick={clearFilters}>
        Remove all filters
      </button>
    </Empty>
  ) : (
    <Empty title="No task has been added yet">
      <p>
        Tasks appear here as soon as a request adds one: <code>tasks.addTask(this.mailer, 'sendWelcome', email)</code>
      </p>
    </Empty>
  );
