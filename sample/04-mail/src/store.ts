/** The same for all processes: it is how they find each other. */
export const store = () => ({
  connection: process.env['TASKS_STORE'] ?? 'redis://localhost:6379',
  prefix: process.env['TASKS_PREFIX'] ?? 'mail',
});
