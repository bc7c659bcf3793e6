// Two web and two worker processes, and many tasks. Each task runs once, and every process can read its record.
// node four-processes.mjs redis|postgres [TASKS]
import { report } from '../figures.mjs';
import { endOfTasks } from './end-of-tasks.mjs';
import { Load } from './load.mjs';
import { Notes } from './notes.mjs';
import { startProcess } from './start-process.mjs';
import { startStore } from './store.mjs';

const [storeName, count = 20_000] = process.argv.slice(2);
const TASKS = Number(count);
const IN_A_REQUEST = 5;
const AT_ONCE = 32;
const SAMPLE = 200;

const store = await startStore(storeName);
const notes = new Notes();
const options = { connection: store.url, keepCompleted: TASKS };
const webs = await Promise.all([1, 2].map(() => startProcess(notes, { ...options, worker: false })));
const workers = await Promise.all([1, 2].map(() => startProcess(notes, { ...options, worker: { concurrency: 10 } })));
const all = [...webs, ...workers];

const load = new Load();
const start = performance.now();
let sent = 0;
const client = async () => {
  for (; sent < TASKS;) {
    sent += IN_A_REQUEST;
    await load.send(webs[sent % 2], IN_A_REQUEST, Math.random() * 10);
  }
};
await Promise.all(Array.from({ length: AT_ONCE }, client));
const answered = performance.now() - start;
const { lost, unfinished, repeated } = await endOfTasks(load, notes, workers[0]);
const lastEnd = Math.max(...notes.runs.map(({ endedAt }) => endedAt));
const firstStart = Math.min(...notes.runs.map(({ startedAt }) => startedAt));
const shares = workers.map(({ pid }) => notes.runs.filter((run) => run.pid === pid).length);
const accepted = load.answers.flatMap(({ tasks, ids }) => ids.map((id, i) => ({ id, task: tasks[i] })));
const sample = Array.from({ length: SAMPLE }, () => accepted[Math.floor(Math.random() * accepted.length)]);
const readable = await Promise.all(
  all.map(async (it) => {
    const records = await it.records(sample.map(({ id }) => id));
    return records.filter((record, i) => {
      const { id, task } = sample[i];
      const { result, status } = record ?? {};
      return record?.id === id && status === 'completed' && result.task === task && Date.parse(result.at) === task;
    }).length;
  }),
);
const gone = all.filter(({ isAlive }) => !isAlive).length;
const output = all.map((it) => it.output()).join('');
const ended = await Promise.all(all.map((it) => it.end()));
notes.close();
await store.stop();

console.log(output.trim());
console.log(`${storeName}: ${TASKS} tasks by two web processes, for two workers`);
report('  tasks that were accepted', accepted.length, `${TASKS}`, accepted.length === TASKS);
const others = load.answers.filter(({ status }) => status !== 201);
report(
  '  other answers',
  others.map(({ status }) => status ?? 'none').join(' ') || 'none',
  'none',
  others.length === 0,
);
report('  ms for all to be accepted', Math.round(answered));
report('  ms from the first start to the last end', lastEnd - firstStart);
report('  tasks that each worker has run', shares.join(' '), '', Math.min(...shares) > 0);
report('  tasks lost', lost.length, '0', lost.length === 0);
report('  tasks not completed by their record', unfinished.length, '0', unfinished.length === 0);
report('  tasks run twice', repeated.length, '0', repeated.length === 0);
for (const [i, name] of ['first web', 'second web', 'first worker', 'second worker'].entries()) {
  report(`  records with their result, read by the ${name}`, readable[i], `${SAMPLE}`, readable[i] === SAMPLE);
}
report('  processes that ended by themselves', gone, '0', gone === 0);
report('  processes not ended 15 s after SIGTERM', ended.filter((it) => !it).length, '0', ended.every(Boolean));
for (const runs of repeated) {
  console.log(runs);
}
