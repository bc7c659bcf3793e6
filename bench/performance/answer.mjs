/** What the process that started this script wants it to be. */
export const spec = () => JSON.parse(process.argv[2]);

/** @returns µs of CPU time that this process has used so far, in all its threads */
export function cpuTime() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Answers questions of the process that started this script, and ends with it. */
export function answer(questions, started = {}) {
  const all = { cpuTime, ...questions };
  process.on('message', async ({ question, argument }) => process.send(await all[question](argument)));
  process.on('disconnect', () => process.exit());
  process.send(started);
}
