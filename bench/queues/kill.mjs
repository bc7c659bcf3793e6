// Kills workers in the middle of tasks, and then web processes right after an answer. No task is lost, and a task
// runs twice only if a kill has cut it.
// node kill.mjs redis|postgres [ROUNDS] [WEB_ROUNDS]
import { percentile, report } from '../figures.mjs';
import { endOfTasks } from './end-of-tasks.mjs';
import { Load } from './load.mjs';
import { Notes } from './notes.mjs';
import { startProcess } from './start-process.mjs';
import { startStore } from './store.mjs';
import { until } from './until.mjs';

const [storeName, rounds = 30, webRounds = 10] = process.argv.slice(2);
/** Requests a second, each with one to three tasks of 20 to 50 ms. */
const RATE = 60;
/** ms before a kill in which a process can have ended a task without telling the server. */
const NOT_TOLD_YET = 1_000;

const store = await startStore(storeName);
const notes = new Notes();
const options = { connection: store.url };
const startWorker = () =>
  startProcess(notes, { ...options, worker: { concurrency: 10, lockDuration: 2_000, stalledInterval: 1_000 } });
const startWeb = () => startProcess(notes, { ...options, worker: false });

let web = await startWeb();
const workers = [await startWorker(), await startWorker()];
const load = new Load();
/** The time at which each process was killed. */
const killed = new Map();
const send = (i) => load.send(web, 1 + (i % 3), 20 + Math.random() * 30);

const cutBy = ({ pid }) => notes.runs.filter((run) => run.pid === pid && !run.endedAt);
let rest = 0;
let isOver = false;
const loading = load.run(RATE, () => isOver, send);
for (let round = 0; round < rounds;) {
  const index = round % 2;
  const worker = workers[index];
  // Kills some workers when they have just started, and some when they have run for a while.
  const least = 1 + Math.floor(Math.random() * 200);
  const isBusy = () => notes.runs.filter(({ pid }) => pid === worker.pid).length >= least && cutBy(worker).length > 0;
  if (!(await until(isBusy, 60_000))) {
    throw new Error(`Worker ${worker.pid} has got nothing to do for a minute: ${worker.output()}`);
  }
  worker.kill();
  const { at } = await worker.exited;
  killed.set(worker.pid, at);
  // The task that it was running may have ended just before the kill.
  if (cutBy(worker).length > 0) {
    round++;
  } else {
    rest++;
  }
  workers[index] = await startWorker();
}
isOver = true;
await loading;
const byWorkers = { requests: load.answers.length, tasks: load.accepted.length };
const notAccepted = load.answers.filter(({ status }) => status !== 201).length;

let cutAnswers = 0;
for (let round = 0; round < webRounds; round++) {
  const { pid } = web;
  const before = load.answers.length;
  // At a random moment of its life, and always right after an answer.
  const last = 1 + Math.floor(Math.random() * 40);
  let accepted = 0;
  const client = async () => {
    while (web.isAlive) {
      const { status } = await send(load.answers.length);
      if (status === 201 && ++accepted === last) {
        web.kill();
        killed.set(pid, Date.now());
        return;
      }
      if (status !== 201) {
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, client));
  // All clients may have been refused before that many answers.
  web.kill();
  await web.exited;
  cutAnswers += load.answers.slice(before).filter(({ status }) => status === undefined).length;
  web = await startWeb();
}

const { lost, unfinished, repeated } = await endOfTasks(load, notes, workers[0]);
const why = { cut: 0, notToldYet: 0, noCause: [] };
const waits = [];
const untold = [];
let mostRuns = 1;
for (const runs of repeated) {
  mostRuns = Math.max(mostRuns, runs.length);
  runs.sort((a, b) => a.startedAt - b.startedAt);
  const causes = runs.slice(0, -1).map(({ pid, endedAt }, i) => {
    const at = killed.get(pid);
    if (at === undefined || at > runs[i + 1].startedAt + 100) {
      return 'noCause';
    }
    if (!endedAt) {
      waits.push(runs[i + 1].startedAt - at);
      return 'cut';
    }
    if (at - endedAt >= NOT_TOLD_YET) {
      return 'noCause';
    }
    untold.push(at - endedAt);
    return 'notToldYet';
  });
  if (causes.includes('noCause')) {
    why.noCause.push(runs);
  } else {
    why[causes[0]]++;
  }
}
const cut = notes.runs.filter((run) => killed.has(run.pid) && !run.endedAt).length;
const gone = [web, ...workers].filter(({ isAlive }) => !isAlive).length;
const output = [web, ...workers].map((it) => it.output()).join('');
const ended = await Promise.all([web, ...workers].map((it) => it.end()));
notes.close();
await store.stop();

console.log(output.trim());
console.log(`${storeName}: ${rounds} workers killed in mid-task, and ${webRounds} web processes right after a 2xx`);
report('  requests, and tasks, while workers were killed', `${byWorkers.requests} ${byWorkers.tasks}`);
report('  of those requests, not answered with a 2xx', notAccepted, '0', notAccepted === 0);
report('  workers that were killed between two tasks beside', rest);
report('  tasks of web processes that were killed', load.accepted.length - byWorkers.tasks);
report('  answers that these left undone', cutAnswers);
report('  tasks lost', lost.length, '0', lost.length === 0);
report('  tasks not completed by their record', unfinished.length, '0', unfinished.length === 0);
report('  runs that were cut by a kill', cut);
report('  tasks run again because they were cut', why.cut);
report('  tasks run again that ended just before the kill', why.notToldYet);
report('  ms before the kill, for each of those', untold.join(' ') || 'none');
report('  tasks run again without cause', why.noCause.length, '0', why.noCause.length === 0);
report('  runs of one task, at the most', mostRuns);
report(
  '  ms from the kill to the next run, median and most',
  waits.length > 0 ? `${percentile(waits, 50)} ${Math.max(...waits)}` : 'none',
);
report('  processes that ended by themselves', gone, '0', gone === 0);
report('  processes not ended 15 s after SIGTERM', ended.filter((it) => !it).length, '0', ended.every(Boolean));
for (const runs of why.noCause) {
  console.log(runs, 'killed:', Object.fromEntries(killed));
}
for (const record of unfinished.slice(0, 10)) {
  console.log(record);
}
