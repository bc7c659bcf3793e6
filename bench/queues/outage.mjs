// Stops the server of the queue for a while and starts it again. No accepted task is lost, no client waits for long,
// and no process needs a restart.
// node outage.mjs redis|postgres [SECONDS] [orderly|crash], with VERBOSE=1 for what the processes log
import { percentile, report } from '../figures.mjs';
import { endOfTasks } from './end-of-tasks.mjs';
import { Load } from './load.mjs';
import { Notes } from './notes.mjs';
import { startProcess } from './start-process.mjs';
import { startStore } from './store.mjs';
import { until } from './until.mjs';

const [storeName, seconds = 10, how = 'orderly'] = process.argv.slice(2);
/** Requests a second, each with one to three tasks. */
const RATE = 30;
const LONG = 3_000;
const ENQUEUE_TIMEOUT = 2_000;
/** ms more, for a busy machine. */
const A_BIT = 500;

await fall('locks of 2 s', { lockDuration: 2_000, stalledInterval: 1_000 }, false);
await fall('default options', {}, true);

/** @param isOnce whether locks last longer than the outage, so that no task may run twice */
async function fall(title, worker, isOnce) {
  const store = await startStore(storeName);
  const notes = new Notes();
  const options = { connection: store.url };
  const web = await startProcess(notes, { ...options, worker: false });
  const workers = await Promise.all([1, 2].map(() => startProcess(notes, { ...options, worker })));
  const all = [web, ...workers];
  const load = new Load();

  let isOver = false;
  const loading = load.run(
    RATE,
    () => isOver,
    (i) => load.send(web, 1 + (i % 3), 20 + Math.random() * 30),
  );
  const begin = Date.now();
  await until(() => Date.now() - begin > 4_000, Infinity);
  const long = await load.send(web, 6, LONG);
  const isLong = new Set(long.tasks);
  const running = () => notes.runs.filter(({ task, endedAt }) => isLong.has(task) && !endedAt).length;
  if (!(await until(() => running() === isLong.size, 20_000))) {
    throw new Error(`Of ${isLong.size} long tasks ${running()} run`);
  }
  const awayAt = Date.now();
  await store.stop(how);
  const downAt = Date.now();
  await until(() => Date.now() - downAt > seconds * 1_000, Infinity);
  const startAt = Date.now();
  await store.start();
  const backAt = Date.now();
  // Until all workers run tasks again, and a while longer.
  const goneOn = ({ pid }) => notes.runs.find((run) => run.pid === pid && run.startedAt > startAt)?.startedAt;
  await until(() => workers.every(goneOn) && Date.now() - startAt > 8_000, 60_000);
  const atWork = workers.map((it) => goneOn(it)).map((at) => (at === undefined ? 'never' : at - startAt));
  isOver = true;
  await loading;

  const { lost, unfinished, repeated } = await endOfTasks(load, notes, workers[0]);
  const gone = all.filter(({ isAlive }) => !isAlive).length;
  const output = all.map((it) => it.output()).join('');
  const ended = await Promise.all(all.map((it) => it.end()));
  const { tasks } = notes;
  notes.close();
  await store.stop();

  const during = load.answers.filter(({ sentAt }) => sentAt > downAt && sentAt < startAt);
  const refused = load.answers.filter(({ status }) => status === 503);
  const others = load.answers.filter(({ status }) => status !== 503 && status !== 201);
  const slowest = Math.max(...load.answers.map(({ took }) => took));
  const accepted = load.answers.filter(({ status }) => status === 201);
  const firstAccepted = accepted.find(({ sentAt }) => sentAt > startAt);
  const surprises = refused.flatMap((answer) => answer.tasks.filter((task) => tasks.has(task)));
  const ofLong = repeated.filter(([{ task }]) => isLong.has(task)).length;
  const times = refused.map(({ took }) => Math.round(took));

  if (process.env.VERBOSE) {
    console.log(output.trim());
  }
  console.log(`${storeName} unavailable for ${seconds} s, by ${how === 'crash' ? 'a crash' : 'a shutdown'}; ${title}`);
  report('  requests, and tasks that were accepted', `${load.answers.length} ${load.accepted.length}`);
  report('  ms the server took to stop, and to start', `${downAt - awayAt} ${backAt - startAt}`);
  report('  requests while it was unavailable', during.length);
  const in503 = during.filter(({ status }) => status === 503).length;
  report('  of those, answered with a 503', in503, `${during.length}`, in503 === during.length);
  report('  all 503', refused.length);
  report('  anything but a 2xx or a 503', others.length, '0', others.length === 0);
  report('  ms to a 503, median', percentile(times, 50));
  report(
    '  ms to any answer, at the most',
    Math.round(slowest),
    `< ${ENQUEUE_TIMEOUT + A_BIT}`,
    slowest < ENQUEUE_TIMEOUT + A_BIT,
  );
  const acceptedAt = firstAccepted && Math.round(firstAccepted.sentAt + firstAccepted.took - startAt);
  report('  ms from its start to the first 2xx', acceptedAt ?? 'never', '', firstAccepted !== undefined);
  report('  ms from its start until each worker is at work', atWork.join(' '), '', !atWork.includes('never'));
  report('  tasks lost', lost.length, '0', lost.length === 0);
  report('  tasks not completed by their record', unfinished.length, '0', unfinished.length === 0);
  report('  tasks that ran though refused with a 503', surprises.length);
  const [target, isMet] = isOnce ? ['0', repeated.length === 0] : [];
  report('  tasks run more than once', repeated.length, target, isMet);
  report('  of those, long ones', `${ofLong} of ${isLong.size}`);
  report('  processes that ended by themselves', gone, '0', gone === 0);
  report('  processes not ended 15 s after SIGTERM', ended.filter((it) => !it).length, '0', ended.every(Boolean));
  for (const runs of repeated.slice(0, 10)) {
    console.log(
      runs
        .map(({ pid, task, startedAt, endedAt }) => `${task} by ${pid}: ${startedAt - backAt} to ${endedAt - backAt}`)
        .join('; '),
    );
  }
  for (const record of unfinished.slice(0, 10)) {
    console.log(record);
  }
}
