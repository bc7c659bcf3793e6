import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { overview } from '../../api/live.ts';
import type { TaskQuery } from '../../api/client.ts';
import type { TaskStatus } from '../../api/wire.ts';
import { CloseIcon, FilterIcon, SearchIcon, StatusIcon } from '../../parts/icons.tsx';
import { statuses, statusName } from '../../parts/status.tsx';
import { location, navigate, query, setQuery } from '../../state/location.ts';

const TYPED = 120;
/** Words that are typed within this time become one entry of the browser's history. */
const ONE_ENTRY = 2000;
const MAX_SUGGESTIONS = 300;
export const SEARCH_ID = 'search';

/** Reads the filters of the URL. */
export function filtersOf(parameters: URLSearchParams): TaskQuery {
  const read = (key: string) => parameters.get(key) || undefined;
  const status = statuses.find((it) => it === parameters.get('status'));
  const all = { search: read('search'), status, name: read('name'), queue: read('queue'), route: read('route') };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

export function Filters({ filters, routes }: { filters: TaskQuery; routes: string[] }) {
  const isOpen = useSignal(false);
  const others = [filters.name, filters.queue, filters.route].filter((it) => it !== undefined).length;
  const names = Object.keys(overview.value?.stats.byName ?? {});
  const queues = overview.value?.queues.map((it) => it.name) ?? [];
  return (
    <div class="filters" role="search" aria-label="Tasks">
      <div class="filter-line">
        <Search value={filters.search ?? ''} />
        <button
          type="button"
          class="button filters-button"
          aria-expanded={isOpen.value}
          aria-controls="more-filters"
          onClick={() => (isOpen.value = !isOpen.value)}
        >
          <FilterIcon />
          Filters{others > 0 && ` (${others})`}
        </button>
        <div id="more-filters" class={isOpen.value ? 'more-filters is-open' : 'more-filters'}>
          <Choice label="Name" parameter="name" value={filters.name} options={names} />
          <Choice label="Queue" parameter="queue" value={filters.queue} options={queues} />
          <Choice label="Route" parameter="route" value={filters.route} options={routes} />
        </div>
      </div>
      <StatusFilter current={filters.status} />
    </div>
  );
}

function Search({ value }: { value: string }) {
  const input = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const lastEntry = useRef(-ONE_ENTRY);
  // What is typed is not replaced by an older value of the URL.
  useEffect(() => {
    if (timer.current === undefined && input.current!.value !== value) {
      input.current!.value = value;
    }
  }, [value]);
  const take = () => {
    clearTimeout(timer.current);
    timer.current = undefined;
    const text = input.current!.value.trim();
    const now = performance.now();
    const replace = now - lastEntry.current < ONE_ENTRY;
    lastEntry.current = now;
    setQuery({ search: text }, { replace });
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <div class="search">
      <SearchIcon />
      <input
        ref={input}
        id={SEARCH_ID}
        type="search"
        class="input"
        placeholder="Search name, id or route"
        aria-label="Search tasks by name, id or route"
        aria-keyshortcuts="/"
        autoComplete="off"
        spellcheck={false}
        defaultValue={value}
        onInput={() => {
          clearTimeout(timer.current);
          timer.current = setTimeout(take, TYPED);
        }}
        onKeyDown={(event) => event.key === 'Enter' && take()}
      />
      <kbd class="search-key" aria-hidden="true">
        /
      </kbd>
    </div>
  );
}

function Choice(props: {
  label: string;
  parameter: 'name' | 'queue' | 'route';
  value: string | undefined;
  options: string[];
}) {
  const { label, parameter, value = '', options } = props;
  const id = `filter-${parameter}`;
  return (
    <div class={value === '' ? 'choice' : 'choice is-set'}>
      <label for={id}>{label}</label>
      <input
        // The value follows the URL, and what is typed counts when it is chosen.
        key={value}
        id={id}
        class="input"
        list={`${id}-list`}
        placeholder="any"
        autoComplete="off"
        spellcheck={false}
        title={value || undefined}
        defaultValue={value}
        onChange={(event) => setQuery({ [parameter]: event.currentTarget.value.trim() })}
        onInput={(event) => {
          // A choice from the list needs no Enter.
          if (options.includes(event.currentTarget.value)) {
            setQuery({ [parameter]: event.currentTarget.value });
          }
        }}
      />
      {value !== '' && (
        <button
          type="button"
          class="choice-clear"
          aria-label={`Any ${parameter}`}
          onClick={() => setQuery({ [parameter]: undefined })}
        >
          <CloseIcon />
        </button>
      )}
      <datalist id={`${id}-list`}>
        {options.slice(0, MAX_SUGGESTIONS).map((it) => (
          <option key={it} value={it} />
        ))}
      </datalist>
    </div>
  );
}

function StatusFilter({ current }: { current: TaskStatus | undefined }) {
  const button = (status: TaskStatus | undefined, label: string) => (
    <button
      key={label}
      type="button"
      aria-pressed={current === status}
      onClick={() => setQuery({ status: current === status ? undefined : status })}
    >
      {status && <StatusIcon status={status} />}
      {label}
    </button>
  );
  return (
    <div class="statuses" role="group" aria-label="Status">
      {button(undefined, 'All')}
      {statuses.map((it) => button(it, statusName(it)))}
    </div>
  );
}

/** Whether any filter is set, and what removes them all. */
export const isFiltered = (filters: TaskQuery): boolean => Object.keys(filters).length > 0;
export const clearFilters = (): void => navigate(query.value.size === 0 ? '/tasks' : location.value.path);
