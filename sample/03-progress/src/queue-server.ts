/** The server of the queue: `redis://…` or `postgres://…`. Without one, the process that serves requests runs the imports too. */
export const connection = process.env['TASKS_CONNECTION'];

/** Every process connects to the same server with the same prefix. */
export const prefix = process.env['TASKS_PREFIX'] ?? 'progress';
