/**
 * The rows of one search: up to 100,000 or more. It loads pages of them where the reader looks, and drops those
 * that are far away.
 *
 * Rows never move while the reader looks at them: the list is that of the moment when it was loaded. Tasks that were added
 * since are counted as `fresh`; `refresh` shows them. Rows change in place when their tasks do.
 */
import { signal } from '@preact/signals';
import { api, type TaskQuery } from '../../api/client.ts';
import type { TaskPage, TaskRow, Update } from '../../api/wire.ts';
import { reasonOf } from '../../state/notices.ts';
import { throttle } from '../../state/throttle.ts';

const PAGE = 100;
const MAX_PAGES = 40;
const MAX_FRESH = 999;
const LOADS_EVERY = 60;
const RELOAD_EVERY = 1000;
/** Browsers limit the height of an element. */
const MAX_ROWS = 300_000;

/** When the newest task was added. Queues and processes have clocks of their own, so it may not be the first row's. */
function newest(tasks: TaskRow[]): string | undefined {
  return tasks.reduce<string | undefined>(
    (last, { createdAt }) => (last === undefined || createdAt > last ? createdAt : last),
    undefined,
  );
}

/** How `lib/dashboard/tasks/shown-text.ts` ends a text that it changes. */
const MARK = /…[\da-f]{8}$/;

/** The page has only the beginning of a long name or route: the server knows whether it matches. */
const matches = (text: string, isWanted: (text: string) => boolean) => isWanted(text) || MARK.test(text);

export class TaskList {
  readonly query: TaskQuery;
  /** How many rows there are; `undefined` until the first page has come. */
  readonly total = signal<number | undefined>(undefined);
  readonly error = signal<string | undefined>(undefined);
  /** Why the states of durable tasks may be out of date. */
  readonly queueError = signal<string | undefined>(undefined);
  /** Changes whenever a row does. */
  readonly version = signal(0);
  /** How many tasks were added since the list was loaded. */
  readonly fresh = signal(0);
  /** Whether more tasks were added than `fresh` says. */
  readonly hasMoreFresh = signal(false);
  /** Where the reader was, for when he comes back. */
  scrollTop = 0;
  /** Whether new rows may appear by themselves, and move the others. */
  mayMove: () => boolean = () => true;

  readonly #pages = new Map<number, TaskRow[]>();
  readonly #places = new Map<string, [page: number, index: number]>();
  readonly #loading = new Set<number>();
  readonly #fresh = new Set<string>();
  readonly #refreshSoon = throttle(() => void this.refresh(() => this.mayMove()), RELOAD_EVERY);
  readonly #loadSoon = throttle(() => void this.#loadMissing(), LOADS_EVERY);
  readonly #reloadSoon = throttle(() => void this.#reloadPages(), RELOAD_EVERY);
  /** When the newest row was added: pages hold no task that was added later. */
  #before: string | undefined;
  #range: [first: number, last: number] = [0, 0];
  #generation = 0;

  constructor(query: TaskQuery) {
    this.query = query;
  }

  /** How many rows can be scrolled to. */
  get length(): number {
    return Math.min(this.total.value ?? 0, MAX_ROWS);
  }

  at(index: number): TaskRow | undefined {
    return this.#pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  indexOf(id: string): number {
    const place = this.#places.get(id);
    return place === undefined ? -1 : place[0] * PAGE + place[1];
  }

  /** What tells a row from others: its task, unless a server that knows no `before` gave that task twice. */
  keyOf(index: number): string | number {
    const id = this.at(index)?.id;
    return id !== undefined && this.indexOf(id) === index ? id : index;
  }

  /** All rows that are loaded, in their order. */
  get loaded(): TaskRow[] {
    return [...this.#pages.keys()].toSorted((a, b) => a - b).flatMap((it) => this.#pages.get(it)!);
  }

  /** Loads the rows of a range. While the reader scrolls fast, it leaves out what is passed over. */
  show(first: number, last: number): void {
    this.#range = [first, last];
    if (this.#missing().length > 0) {
      this.#loadSoon();
    }
  }

  /** Loads the newest rows, and shows those that were added since, unless the reader has begun to do something. */
  async refresh(mayMove = () => true): Promise<void> {
    const generation = ++this.#generation;
    try {
      const page = await api.tasks(this.query, 0, PAGE);
      if (generation !== this.#generation) {
        return;
      }
      if (!mayMove()) {
        this.fresh.value = this.#fresh.size;
        return;
      }
      this.#pages.clear();
      this.#places.clear();
      this.#loading.clear();
      this.#fresh.clear();
      this.fresh.value = 0;
      this.hasMoreFresh.value = false;
      this.#before = newest(page.tasks);
      this.#put(0, page.tasks);
      this.total.value = page.total;
      this.queueError.value = page.queueError;
      this.error.value = undefined;
      this.version.value++;
      this.show(...this.#range);
    } catch (error) {
      if (generation === this.#generation) {
        this.error.value = reasonOf(error);
      }
    }
  }

  /** Takes changes. */
  apply({ tasks, more }: Update): void {
    let isChanged = false;
    let isNew = false;
    for (const task of tasks) {
      const place = this.#places.get(task.id);
      if (place !== undefined) {
        this.#pages.get(place[0])![place[1]] = task;
        isChanged = true;
      } else if (this.#isNew(task)) {
        isNew = true;
        if (this.#fresh.size < MAX_FRESH) {
          this.#fresh.add(task.id);
        }
      }
    }
    if (isChanged) {
      this.version.value++;
    }
    if (this.mayMove()) {
      if (isNew || more || isChanged) {
        this.#refreshSoon();
      }
      return;
    }
    this.fresh.value = this.#fresh.size;
    if (more) {
      this.hasMoreFresh.value ||= this.query.status === undefined;
      this.#reloadSoon();
    }
  }

  stop(): void {
    this.#refreshSoon.stop();
    this.#reloadSoon.stop();
    this.#loadSoon.stop();
  }

  #isNew(task: TaskRow): boolean {
    const { search, status, name, queue, route } = this.query;
    const words = search?.toLowerCase();
    const holds = (text: string) => words === undefined || text.toLowerCase().includes(words);
    const taskRoute = task.route ?? '';
    return (
      (this.#before === undefined || task.createdAt >= this.#before) &&
      (status === undefined || task.status === status) &&
      (name === undefined || matches(task.name, (it) => it === name)) &&
      (queue === undefined || task.queue === queue) &&
      (route === undefined || matches(taskRoute, (it) => it === route)) &&
      (holds(task.id) || matches(task.name, holds) || matches(taskRoute, holds))
    );
  }

  #missing(): number[] {
    const [first, last] = this.#range;
    const pages: number[] = [];
    const end = Math.min(last, this.length - 1);
    for (let page = Math.floor(first / PAGE); page * PAGE <= end; page++) {
      if (!this.#pages.has(page) && !this.#loading.has(page)) {
        pages.push(page);
      }
    }
    return pages;
  }

  async #loadMissing(): Promise<void> {
    await Promise.all(this.#missing().map((page) => this.#load(page)));
  }

  async #load(number: number): Promise<void> {
    const generation = this.#generation;
    this.#loading.add(number);
    try {
      const page = await this.#fetch(number);
      if (generation !== this.#generation) {
        return;
      }
      this.#put(number, page.tasks);
      this.error.value = undefined;
      this.#dropFar();
      this.version.value++;
    } catch (error) {
      if (generation === this.#generation) {
        this.error.value = reasonOf(error);
      }
    } finally {
      if (generation === this.#generation) {
        this.#loading.delete(number);
      }
    }
  }

  /** Loads the pages in view again, and changes their rows in place. */
  async #reloadPages(): Promise<void> {
    const generation = this.#generation;
    const [first, last] = this.#range;
    for (let number = Math.floor(first / PAGE); number * PAGE <= last; number++) {
      if (this.#pages.has(number)) {
        const { before, tasks } = await this.#again(number);
        if (generation !== this.#generation) {
          return;
        }
        for (const task of tasks) {
          const place = this.#places.get(task.id);
          if (place !== undefined) {
            this.#pages.get(place[0])![place[1]] = task;
          } else if (before === undefined && this.#isNew(task)) {
            this.#fresh.add(task.id);
          }
        }
      }
    }
    this.fresh.value = Math.min(this.#fresh.size, MAX_FRESH);
    this.version.value++;
  }

  async #again(number: number): Promise<{ before?: string; tasks: TaskRow[] }> {
    try {
      return await this.#fetch(number);
    } catch {
      // The rows stay as they are. The connection's state says that the server doesn't answer.
      return { tasks: [] };
    }
  }

  async #fetch(number: number): Promise<TaskPage> {
    const before = this.#before;
    const added = this.#fresh.size;
    const page = await api.tasks({ ...this.query, ...(before && { before }) }, number * PAGE, PAGE);
    // A server that knows no `before` counts the tasks that were added since.
    return page.before === undefined && added > 0 ? api.tasks(this.query, number * PAGE + added, PAGE) : page;
  }

  #put(number: number, tasks: TaskRow[]): void {
    this.#pages.set(number, tasks);
    for (const [index, { id }] of tasks.entries()) {
      this.#places.set(id, [number, index]);
    }
  }

  #dropFar(): void {
    const here = Math.floor(this.#range[0] / PAGE);
    const far = [...this.#pages.keys()].toSorted((a, b) => Math.abs(a - here) - Math.abs(b - here)).slice(MAX_PAGES);
    for (const number of far) {
      for (const { id } of this.#pages.get(number)!) {
        this.#places.delete(id);
      }
      this.#pages.delete(number);
    }
  }
}
