import { setTimeout as sleep } from 'node:timers/promises';

/** Requests with tasks, whose numbers go on from one request to the next, and how each was answered. */
export class Load {
  #next = 1;
  /** When sent, how many ms it took, its status, its tasks' numbers and, if they were accepted, their ids. */
  answers = [];

  /** Sends one request; `status` is undefined where the answer did not come whole. */
  async send(server, count, ms) {
    const first = this.#next;
    this.#next += count;
    const sentAt = Date.now();
    const start = performance.now();
    const { status, body } = (await server.post(`/tasks/${first}/${count}/${Math.round(ms)}`)) ?? {};
    const tasks = Array.from({ length: count }, (_, i) => first + i);
    const answer = { sentAt, took: performance.now() - start, status, tasks, ids: status === 201 ? body : [] };
    this.answers.push(answer);
    return answer;
  }

  /** Sends so many a second until it is told to stop; then resolves when all are answered. */
  async run(rate, isOver, send) {
    const start = performance.now();
    const sent = [];
    for (let i = 0; !isOver(); i++) {
      sent.push(send(i));
      await sleep(Math.max(0, start + ((i + 1) * 1_000) / rate - performance.now()));
    }
    await Promise.all(sent);
  }

  /** The numbers of the tasks of those with a 2xx. */
  get accepted() {
    return this.answers.filter(({ status }) => status === 201).flatMap(({ tasks }) => tasks);
  }
}
