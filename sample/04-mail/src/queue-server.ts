/** Every process connects to the same server with the same prefix, so each finds the tasks of the others. */
export const queueServer = () => ({
  connection: process.env['TASKS_CONNECTION'] ?? 'redis://localhost:6379',
  prefix: process.env['TASKS_PREFIX'] ?? 'mail',
});
